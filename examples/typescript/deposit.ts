// Asks for a payment request form, as any service in any language can: npm run deposit -- C-1001 1000.00 EUR Compute order-4711
//
// One round trip: the workflow is started, or found where the same request was sent before, and answers the update.
// The input's schema is docs/schemas/Deposit.input.json, the answer's Deposit.update.request.answer.json.
import { createHash } from 'node:crypto';
import { Client, Connection, WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';

interface DepositRequest {
  customer: string;
  request_id: string;
  amount: string; // a plain decimal as text, never a float
  currency: string;
  product: string;
  note?: string;
}

interface DepositAnswer {
  number: string;
  reference: string;
  reference_grouped: string;
  expires_at: string;
}

type Deposit = (request: DepositRequest) => Promise<unknown>;

/** The same id as Prepay's own client makes, so that both find the same deposit. */
function workflowId(request: DepositRequest): string {
  const digest = createHash('sha256').update(`${request.customer}\0${request.request_id}`).digest('hex');
  return `deposit-${request.customer}-${digest.slice(0, 20)}`;
}

async function requestDeposit(client: Client, request: DepositRequest): Promise<DepositAnswer> {
  const start = new WithStartWorkflowOperation<Deposit>('Deposit', {
    workflowId: workflowId(request),
    taskQueue: 'prepay',
    args: [request],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
  });
  return await client.workflow.executeUpdateWithStart<Deposit, DepositAnswer, [DepositRequest]>('request', {
    startWorkflowOperation: start,
    args: [request],
  });
}

const [customer, amount, currency, product, request_id] = process.argv.slice(2);
if (!request_id) {
  console.error('usage: npm run deposit -- CUSTOMER AMOUNT CURRENCY PRODUCT REQUEST_ID');
  process.exit(2);
}
const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS ?? 'localhost:7233' });
try {
  const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE ?? 'default' });
  console.log(JSON.stringify(await requestDeposit(client, { customer, request_id, amount, currency, product })));
} catch (error) {
  // A refusal is one sentence; sending it again would not help.
  if (!(error instanceof WorkflowUpdateFailedError)) throw error;
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
} finally {
  await connection.close();
}
