/**
 * The most members of one baggage that are kept and sent.
 *
 * @see https://www.w3.org/TR/baggage/#limits
 */
export const MAX_BAGGAGE_MEMBERS = 64;
/** The most bytes of one baggage that are kept and sent, commas included. */
export const MAX_BAGGAGE_BYTES = 8192;
