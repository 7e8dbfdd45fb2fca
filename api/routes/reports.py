"""Reports."""

from flask import Blueprint

from api.endpoint import endpoint
from models.principal import Principal
from models.report import TimeReport, TimeReportQuery
from models.scope import Scope
from services.report_service import report_service

reports = Blueprint("reports", __name__)


@reports.get("/reports/time")
@endpoint(access=Scope.TIME_READ, within=("project_id",), csv=report_service.as_csv)
def report_time(principal: Principal, query: TimeReportQuery) -> TimeReport:
    """Add up time by day, week, month, project, task, user or label.

    Yours, or with project_id that of all people in the project, and with include=agents that of
    its agents as well. With split_by, each day, week or month comes with its parts. As JSON, or as
    a table with Accept: text/csv.
    """
    return report_service.time(principal, query)
