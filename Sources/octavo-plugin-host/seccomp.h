/* Filters of system calls. */
#ifndef OCTAVO_PLUGIN_HOST_SECCOMP_H
#define OCTAVO_PLUGIN_HOST_SECCOMP_H

/* What a plugin has no business with: other processes' memory, programs, mounts, namespaces, kernel
   modules, the clock, keys, tracing. */
#define SECCOMP_PROFILE_STANDARD 1
/* … and processes, sockets, writing files and changing folders. Reading files is left. */
#define SECCOMP_PROFILE_STRICT 2

/* For this thread and those that it makes. A forbidden call fails with EPERM. `no_network`: sockets are of
   this machine alone (AF_UNIX). 0, or an errno. */
int seccomp_install(int profile, int no_network, int no_processes);

#endif
