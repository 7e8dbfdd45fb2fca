"""What `flask doctor` finds: one line for each thing it looked at."""

from enum import StrEnum

from pydantic import BaseModel, Field


class Verdict(StrEnum):
    """How bad it is: `warn` may become a problem, `fail` is one."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(BaseModel):
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    message: str = Field(description="What is so, and where it is not well what to do.")


class Report(BaseModel):
    """All of it."""

    findings: list[Finding]

    @property
    def failed(self) -> bool:
        """True where something has to be done."""
        return any(each.verdict is Verdict.FAIL for each in self.findings)
