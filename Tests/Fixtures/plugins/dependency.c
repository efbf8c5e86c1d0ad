/* A library of a plugin's own; two plugins bring two versions of it. */
const char *dependency_version(void) { return DEPENDENCY; }
