// Opens a refund ticket, as any service in any language can: npm run refund -- C-1001 250.00 EUR "we leave" refund-17
//
// One round trip, as for a deposit: the amount is held in the book when the answer comes, and staff decide.
// "all" in the place of the amount asks for all that is left. The input's schema is docs/schemas/Refund.input.json.
import { createHash } from 'node:crypto';
import { Client, Connection, WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';

interface RefundRequest {
  customer: string;
  request_id: string;
  amount?: string; // a plain decimal as text, never a float; left out, all that is left
  currency: string;
  reason: string;
}

interface RefundAnswer {
  refund: number;
  number: string;
  stage: string;
}

type Refund = (request: RefundRequest) => Promise<unknown>;

/** The same id as Prepay's own client makes, so that both find the same ticket. */
function workflowId(request: RefundRequest): string {
  const digest = createHash('sha256').update(`${request.customer}\0${request.request_id}`).digest('hex');
  return `refund-${request.customer}-${digest.slice(0, 20)}`;
}

async function requestRefund(client: Client, request: RefundRequest): Promise<RefundAnswer> {
  const start = new WithStartWorkflowOperation<Refund>('Refund', {
    workflowId: workflowId(request),
    taskQueue: 'prepay',
    args: [request],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
  });
  return await client.workflow.executeUpdateWithStart<Refund, RefundAnswer, [RefundRequest]>('request', {
    startWorkflowOperation: start,
    args: [request],
  });
}

const [customer, asked, currency, reason, request_id] = process.argv.slice(2);
if (!request_id) {
  console.error('usage: npm run refund -- CUSTOMER AMOUNT|all CURRENCY REASON REQUEST_ID');
  process.exit(2);
}
const amount = asked === 'all' ? undefined : asked;
const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS ?? 'localhost:7233' });
try {
  const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE ?? 'default' });
  console.log(JSON.stringify(await requestRefund(client, { customer, request_id, amount, currency, reason })));
} catch (error) {
  // A refusal is one sentence; sending it again would not help.
  if (!(error instanceof WorkflowUpdateFailedError)) throw error;
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
} finally {
  await connection.close();
}
