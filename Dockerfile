# The service for use with a PostgreSQL of its own; compose.yaml shows one way to run it.

FROM python:3.11-slim AS packages
RUN python -m venv /packages
COPY requirements.txt .
RUN /packages/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt

FROM python:3.11-slim
RUN useradd --system --no-create-home stint
COPY --from=packages /packages /packages
WORKDIR /stint
COPY . .
USER stint
ENV PATH=/packages/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=8000
EXPOSE 8000
HEALTHCHECK --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health')"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "main:app"]
