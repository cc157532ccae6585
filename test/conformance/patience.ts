/**
 * Milliseconds that a case of a kit waits for what must happen. The default is meant for a developer's machine; on a slow one a
 * hundred TLS handshakes take longer. A whole case ends within the 20 seconds that a test may take.
 */
export const PATIENCE = 8_000;
