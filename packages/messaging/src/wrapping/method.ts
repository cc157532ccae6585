/** A method of a client, whose signature only the client knows. */
export type Method = (...args: never[]) => unknown;
