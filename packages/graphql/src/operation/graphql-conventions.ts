/**
 * Names of the conventions for GraphQL, and those of our own.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/graphql/
 */
export const ATTR_GRAPHQL_DOCUMENT = 'graphql.document';
export const ATTR_GRAPHQL_OPERATION_NAME = 'graphql.operation.name';
export const ATTR_GRAPHQL_OPERATION_TYPE = 'graphql.operation.type';
export const ATTR_THROUGHLINE_GRAPHQL_ERRORS = 'throughline.graphql.errors';
export const ATTR_THROUGHLINE_GRAPHQL_VARIABLES = 'throughline.graphql.variables';
