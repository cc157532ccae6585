/** Events as the services send them, shortened to members that say something about the request. */

export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
export const CALLER = 'b7ad6b7169203331';
export const TRACEPARENT = `00-${TRACE_ID}-${CALLER}-01`;

export const LAMBDA_CONTEXT = {
  awsRequestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
  functionName: 'orders',
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:orders:live',
  getRemainingTimeInMillis: () => 30_000,
};

/** One batch: the first message with attributes, the second with X-Ray's header only, the third with neither. */
export const SQS = {
  Records: [
    {
      messageId: 'm-1',
      receiptHandle: 'r-1',
      body: '{"n":1}',
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1545082649183' },
      messageAttributes: {
        traceparent: {
          dataType: 'String',
          stringValue: TRACEPARENT,
          stringListValues: [],
          binaryListValues: [],
        },
      },
      md5OfBody: 'e4e68fb7bd0e697a0ae8f1bb342846b3',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:orders',
      awsRegion: 'eu-west-1',
    },
    {
      messageId: 'm-2',
      receiptHandle: 'r-2',
      body: '{"n":2}',
      attributes: {
        SentTimestamp: '1545082649636',
        AWSTraceHeader: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
      },
      messageAttributes: {},
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:orders',
      awsRegion: 'eu-west-1',
    },
    {
      messageId: 'm-3',
      receiptHandle: 'r-3',
      body: '{"n":3}',
      attributes: { SentTimestamp: '1545082649700' },
      messageAttributes: {
        traceparent: { dataType: 'String', stringValue: 'hello', stringListValues: [], binaryListValues: [] },
      },
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:orders',
      awsRegion: 'eu-west-1',
    },
  ],
};

/** A REST API behind a custom domain. */
export const REST = {
  resource: '/items/{id}',
  path: '/items/7',
  httpMethod: 'GET',
  headers: { Host: 'api.example.com', 'User-Agent': 'curl/8.5.0', TraceParent: TRACEPARENT },
  multiValueHeaders: {
    Host: ['api.example.com'],
    'User-Agent': ['curl/8.5.0'],
    TraceParent: [TRACEPARENT],
    Tracestate: ['a=1', 'b=2'],
  },
  queryStringParameters: { tag: 'b c' },
  multiValueQueryStringParameters: { tag: ['a', 'b c'] },
  pathParameters: { id: '7' },
  requestContext: {
    resourcePath: '/items/{id}',
    httpMethod: 'GET',
    path: '/prod/items/7',
    protocol: 'HTTP/1.1',
    stage: 'prod',
    domainName: 'api.example.com',
    identity: { sourceIp: '192.0.2.1', userAgent: 'curl/8.5.0' },
  },
  body: null,
  isBase64Encoded: false,
};

export const HTTP_API = {
  version: '2.0',
  routeKey: 'POST /items/{id}',
  rawPath: '/items/7',
  rawQueryString: 'tag=a&tag=b%20c',
  cookies: ['session=secret', 'theme=dark'],
  headers: { host: 'abc.execute-api.eu-west-1.amazonaws.com', traceparent: TRACEPARENT },
  requestContext: {
    accountId: '123456789012',
    apiId: 'abc',
    domainName: 'abc.execute-api.eu-west-1.amazonaws.com',
    http: {
      method: 'POST',
      path: '/items/7',
      protocol: 'HTTP/1.1',
      sourceIp: '192.0.2.2',
      userAgent: 'curl/8.5.0',
    },
    stage: '$default',
  },
  isBase64Encoded: false,
};

export const FUNCTION_URL = {
  ...HTTP_API,
  routeKey: '$default',
  requestContext: {
    ...HTTP_API.requestContext,
    domainName: 'abc.lambda-url.eu-west-1.on.aws',
    http: { ...HTTP_API.requestContext.http, method: 'GET' },
  },
};

export const LOAD_BALANCER = {
  requestContext: {
    elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/orders/1' },
  },
  httpMethod: 'GET',
  path: '/items/7',
  multiValueQueryStringParameters: { tag: ['a', 'b%20c'] },
  multiValueHeaders: {
    host: ['orders.example.com'],
    traceparent: [TRACEPARENT],
    'x-forwarded-for': ['198.51.100.3'],
    'x-forwarded-port': ['443'],
    'x-forwarded-proto': ['https'],
  },
  body: '',
  isBase64Encoded: false,
};
