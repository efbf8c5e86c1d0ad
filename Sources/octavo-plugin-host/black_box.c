/* The crash record of this process, which the runtime reads after its end. */
#include <octavo_fault.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serve.h"

void black_box_open(void) {
    octavo_black_box *box = mmap(NULL, sizeof *box, PROT_READ | PROT_WRITE, MAP_SHARED, OCTAVO_HELPER_BLACK_BOX, 0);
    close(OCTAVO_HELPER_BLACK_BOX);
    if (box != MAP_FAILED) octavo_fault_open(box, OCTAVO_FAULT_KILL, NULL);
}

void black_box_modules(void) { octavo_fault_modules(); }

void black_box_thread(void) { octavo_fault_stack(); }

void black_box_thread_ended(void) { octavo_fault_stack_ended(); }
