/*
 * Control messages between runtime and helper: what comes out of the socket, and the structures in the bodies. The
 * first byte says as what a body is read.
 */
#include <octavo_control.h>
#include <octavo_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const octavo_layout *const layouts[] = {
        &octavo_layout_wire_plugin, &octavo_layout_error, &octavo_layout_log_line, &octavo_layout_config,
        &octavo_layout_features, &octavo_layout_remains,
    };
    const uint32_t count = sizeof layouts / sizeof layouts[0];
    int sockets[2];
    uint8_t which;
    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) return 0;
    which = data[0];
    /* All fits into the socket's buffer. */
    if (send(sockets[0], data + 1, size - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) size = 1;
    close(sockets[0]);
    for (;;) {
        octavo_message message;
        void *body = NULL, *structure;
        const octavo_layout *layout;
        if (octavo_message_receive(sockets[1], &message, &body)) {
            if (body) abort(); /* an error leaves nothing to be freed */
            break;
        }
        layout = layouts[(which + message.type) % count];
        structure = octavo_message_body(layout, body, message.length);
        if (structure) {
            uint64_t flat = octavo_flat_size(layout, structure);
            uint8_t *copy;
            if (flat == OCTAVO_FLAT_INVALID) abort(); /* what was checked is not valid */
            copy = malloc(flat + 8);
            octavo_flatten(layout, structure, copy, flat, 1);
            free(copy);
        }
        free(structure);
        free(body);
    }
    close(sockets[1]);
    return 0;
}
