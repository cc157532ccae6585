/** The second argument of a handler, as used here. The runtime makes it; tests may pass less. */
export interface LambdaContext {
  readonly awsRequestId?: string | undefined;
  readonly functionName?: string | undefined;
  /** `arn:aws:lambda:eu-west-1:123456789012:function:orders:live` */
  readonly invokedFunctionArn?: string | undefined;
  /** What the caller of a direct invocation sent beside the event. */
  readonly clientContext?: ClientContext | undefined;
  getRemainingTimeInMillis?(): number;
}

/** SDKs of mobile clients write `custom`; the types of Node's handlers say `Custom`. */
interface ClientContext {
  readonly custom?: unknown;
  readonly Custom?: unknown;
}
