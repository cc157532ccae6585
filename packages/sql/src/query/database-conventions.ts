/**
 * Names of the stable conventions for databases.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/database/
 */
export const ATTR_DB_COLLECTION_NAME = 'db.collection.name';
export const ATTR_DB_NAMESPACE = 'db.namespace';
export const ATTR_DB_OPERATION_NAME = 'db.operation.name';
export const ATTR_DB_QUERY_SUMMARY = 'db.query.summary';
export const ATTR_DB_QUERY_TEXT = 'db.query.text';
export const ATTR_DB_RESPONSE_STATUS_CODE = 'db.response.status_code';
export const ATTR_DB_SYSTEM_NAME = 'db.system.name';
export const METRIC_DB_CLIENT_OPERATION_DURATION = 'db.client.operation.duration';
