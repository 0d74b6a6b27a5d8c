"""A statement or receipt: issued in the database, drawn by the documents' worker, the same for ever."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.documents import Documents
    from activities.statements import Issued, Statements
    from prepay import attributes
    from prepay.ids import DOCUMENTS_TASK_QUEUE
    from prepay.statements import StatementOutcome, StatementProgress, StatementRequest
    from prepay.wire import InputRefused, parse
    from workflows.operator import Desk, content, whatever_comes

_WHAT = "The statement request"
_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name="Statement")
class Statement:
    """Fixes what a statement says, has it drawn, and answers with its number.

    Its input is a statement request. It may be cancelled or ended at any time: the next request goes on.
    """

    @workflow.init
    @whatever_comes
    def __init__(self, *raw: RawValue) -> None:
        self._raw = raw
        self._desk = Desk()
        self._progress = StatementProgress(stage="waiting")

    @workflow.run
    @whatever_comes
    async def run(self, *_raw: RawValue) -> StatementOutcome:
        """From the request to the PDF."""
        try:
            request = parse(StatementRequest, content(self._raw, _WHAT), _WHAT)
        except InputRefused as refusal:
            raise ApplicationError(str(refusal), type="StatementRefused", non_retryable=True) from None
        self._show(request, self._progress)
        try:
            issued = await self._issue(request)
            self._show(request, StatementProgress(stage="issued", number=issued.number, lines=issued.lines))
            pdf_sha256 = await self._draw(issued)
        except ActivityError as error:
            raise _refusal(error) from None
        self._show(request, StatementProgress(stage="drawn", number=issued.number, lines=issued.lines))
        return StatementOutcome(**issued.model_dump(), pdf_sha256=pdf_sha256)

    @workflow.query(name="progress", description="How far it is.")
    def progress(self) -> StatementProgress:
        """For whoever waits."""
        return self._progress

    async def _issue(self, request: StatementRequest) -> Issued:
        return await workflow.execute_activity_method(
            Statements.issue,
            request,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=20),
            retry_policy=_RETRIES,
            summary="fix what it says",
        )

    async def _draw(self, issued: Issued) -> str:
        return await workflow.execute_activity_method(
            Documents.draw,
            issued.document_id,
            task_queue=DOCUMENTS_TASK_QUEUE,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=_RETRIES,
            summary=f"draw {issued.number}",
        )

    def _show(self, request: StatementRequest, progress: StatementProgress) -> None:
        self._progress = progress
        about = request.about
        number = f"Number {progress.number}, {progress.lines} movements. " if progress.number else ""
        workflow.set_current_details(
            f"**{progress.stage}**: {about} of customer {request.customer}. {number}Nothing to do here for an operator."
        )
        self._desk.publish(
            {
                attributes.STAGE: progress.stage,
                attributes.CUSTOMER: request.customer,
                attributes.CURRENCY: request.currency,
                attributes.ENTITY: request.entity,
            }
        )


def _refusal(error: ActivityError) -> BaseException:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.non_retryable:
        return ApplicationError(cause.message, type=cause.type, non_retryable=True)
    return error
