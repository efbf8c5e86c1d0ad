/* Prints the layout table: a line with the name of each structure, and one for each member. */
#include <stdio.h>

#include <octavo/octavo.h>

static void print(const octavo_layout *layout, int depth) {
    uint32_t i;
    if (depth > 4 || layout == &octavo_layout_str) return;
    printf("%s\n", layout->name);
    for (i = 0; i < layout->member_count; i++) {
        const octavo_member *member = &layout->members[i];
        printf("%s %u %s\n", layout->name, member->offset, member->name);
        if (member->element) print(member->element, depth + 1);
    }
}

int main(void) {
    const octavo_layout *delivered[] = {&octavo_layout_error,         &octavo_layout_pubsub_message,
                                        &octavo_layout_configuration_change, &octavo_layout_secret_rotation,
                                        &octavo_layout_binding_event, &octavo_layout_names_change};
    uint32_t op, i;
    int32_t kind;
    for (i = 0; i < sizeof delivered / sizeof delivered[0]; i++) print(delivered[i], 0);
    for (kind = 1; kind <= OCTAVO_KIND_LAST; kind++) {
        const octavo_kind *found = octavo_kind_at(kind);
        for (op = 0; found && op < found->op_count; op++) {
            print(found->ops[op].request, 0);
            if (found->ops[op].reply) print(found->ops[op].reply, 0);
        }
    }
    return 0;
}
