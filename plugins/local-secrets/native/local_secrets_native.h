/* The C side of the local-secrets plugin. */
