# The service for use with a PostgreSQL of its own; compose.yaml shows one way to run it.
#
# It writes to /tmp and DATA_DIR alone, so its root may be read only.

FROM python:3.11-slim AS packages
WORKDIR /build
RUN python -m venv /packages
COPY requirements.txt requirements-tracing.txt ./
# With --build-arg MORE_REQUIREMENTS=requirements-tracing.txt it can send traces.
ARG MORE_REQUIREMENTS=requirements.txt
RUN /packages/bin/pip install --no-cache-dir --require-hashes \
    --requirement requirements.txt --requirement "$MORE_REQUIREMENTS"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin stint && \
    install --directory --owner=stint --mode=0700 /var/lib/stint
COPY --from=packages /packages /packages
WORKDIR /stint
COPY . .
# Nobody can write it later.
RUN python -m compileall -q .
USER 10001
ENV PATH=/packages/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    DATA_DIR=/var/lib/stint \
    HOST=0.0.0.0 \
    PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "main:app"]
