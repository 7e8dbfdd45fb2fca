"""Jobs of the worker, for administrators."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.job import Job, JobQuery
from services.job_service import job_service
from utils.pages import Page

jobs = Blueprint("jobs", __name__)


@jobs.get("/admin/jobs")
@endpoint(access=Access.ADMIN)
def list_jobs(query: JobQuery) -> Page[Job]:
    """List jobs that wait, run or have failed, newest first; for administrators.

    What has failed was tried again several times before, and is kept for 30 days. Why it failed is
    in the worker's log.
    """
    return job_service.page(query)


@jobs.post("/admin/jobs/<number:job_id>/retry")
@endpoint(access=Access.ADMIN)
def retry_job(job_id: int) -> Job:
    """Try a job that has failed once more; for administrators."""
    return job_service.retry(job_id)


@jobs.delete("/admin/jobs/<number:job_id>")
@endpoint(access=Access.ADMIN, status=204)
def discard_job(job_id: int) -> None:
    """Discard a job that waits or has failed: it will never be done; for administrators."""
    return job_service.discard(job_id)
