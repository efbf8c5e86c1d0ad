/// The pieces of a new plugin's source in C.
enum CodeTemplate {
    static func head(id: String, type: String) -> String {
        """
        /* \(id): a plugin of Octavo with the component type \(type). */
        #include <octavo/octavo.h>
        #include <pthread.h>
        #include <stdlib.h>
        #include <string.h>

        /* What the runtime offers; set by start, valid until stop. */
        static const octavo_host *host;


        """
    }

    /// A store in memory.
    static let state = #"""
        typedef struct entry {
            struct entry *next;
            char *key;
            uint8_t *value;
            size_t key_size, size;
        } entry;

        /* An instance: what a component of the type is. */
        typedef struct component {
            pthread_mutex_t lock;
            entry *entries;
        } component;

        static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
            component *made = calloc(1, sizeof *made);
            (void)config;
            (void)instance;
            if (!made) {
                octavo_fail(host, call, OCTAVO_CODE_RESOURCE_EXHAUSTED, NULL, octavo_text("There is no memory for the component."));
                return OCTAVO_FAILED;
            }
            pthread_mutex_init(&made->lock, NULL);
            *self = made;
            return OCTAVO_OK;
        }

        static void forget(entry *one) {
            free(one->key);
            free(one->value);
            free(one);
        }

        static void destroy(void *pointer) {
            component *self = pointer;
            while (self->entries) {
                entry *first = self->entries;
                self->entries = first->next;
                forget(first);
            }
            pthread_mutex_destroy(&self->lock);
            free(self);
        }

        /* Where the entry of a key is linked in; what is there is NULL when there is none. A slice is no C string: it ends at
           its size, and may hold any byte. */
        static entry **find(component *self, octavo_str key) {
            entry **place = &self->entries;
            while (*place && ((*place)->key_size != key.size || (key.size && memcmp((*place)->key, key.data, key.size))))
                place = &(*place)->next;
            return place;
        }

        static void no_memory(octavo_call call) {
            octavo_fail(host, call, OCTAVO_CODE_RESOURCE_EXHAUSTED, NULL, octavo_text("There is no memory for the value."));
        }

        static void get(void *pointer, octavo_call call, const octavo_state_get_request *request) {
            component *self = pointer;
            octavo_state_get_reply reply = {.size = sizeof reply};
            entry *one;
            pthread_mutex_lock(&self->lock);
            one = *find(self, request->key);
            if (one) {
                reply.flags = OCTAVO_STATE_FOUND;
                reply.value = (octavo_bytes){one->value, one->size};
            }
            /* The reply is copied before this returns. */
            octavo_reply_state_get(host, call, &reply);
            pthread_mutex_unlock(&self->lock);
        }

        static void set(void *pointer, octavo_call call, const octavo_state_write_request *request) {
            component *self = pointer;
            const octavo_state_write *write = &request->write;
            entry **place, *one;
            uint8_t *value = malloc(write->value.size + 1);
            if (!value) {
                no_memory(call);
                return;
            }
            if (write->value.size) memcpy(value, write->value.data, write->value.size);
            pthread_mutex_lock(&self->lock);
            place = find(self, write->key);
            one = *place;
            if (!one) {
                one = calloc(1, sizeof *one);
                if (one) one->key = malloc(write->key.size + 1);
                if (!one || !one->key) {
                    pthread_mutex_unlock(&self->lock);
                    free(one);
                    free(value);
                    no_memory(call);
                    return;
                }
                if (write->key.size) memcpy(one->key, write->key.data, write->key.size);
                one->key_size = write->key.size;
                *place = one;
            }
            free(one->value);
            one->value = value;
            one->size = write->value.size;
            pthread_mutex_unlock(&self->lock);
            octavo_reply_state_write(host, call, (octavo_str){NULL, 0});
        }

        static void remove_key(void *pointer, octavo_call call, const octavo_state_write_request *request) {
            component *self = pointer;
            entry **place, *one;
            pthread_mutex_lock(&self->lock);
            place = find(self, request->write.key);
            one = *place;
            if (one) {
                *place = one->next;
                forget(one);
            }
            pthread_mutex_unlock(&self->lock);
            octavo_reply_state_write(host, call, (octavo_str){NULL, 0});
        }


        """#

    /// An instance that keeps nothing.
    static let plain = #"""
        /* An instance: what a component of the type is. */
        typedef struct component {
            pthread_mutex_t lock; /* operations overlap: the type is BLOCKING */
        } component;

        /* Keeps the configuration; no I/O, no threads: those belong into a start function of the life table. */
        static int32_t create(const octavo_config *config, octavo_instance *instance, octavo_call call, void **self) {
            component *made = calloc(1, sizeof *made);
            (void)config;
            (void)instance;
            if (!made) {
                octavo_fail(host, call, OCTAVO_CODE_RESOURCE_EXHAUSTED, NULL, octavo_text("There is no memory for the component."));
                return OCTAVO_FAILED;
            }
            pthread_mutex_init(&made->lock, NULL);
            *self = made;
            return OCTAVO_OK;
        }

        static void destroy(void *pointer) {
            component *self = pointer;
            pthread_mutex_destroy(&self->lock);
            free(self);
        }

        /* Each operation ends its call once, now or later, from any thread. */
        static void not_written(octavo_call call) {
            octavo_fail(host, call, OCTAVO_CODE_UNIMPLEMENTED, "NOT_WRITTEN", octavo_text("The operation has not been written yet."));
        }


        """#

    static func tail(id: String, type: String, kind: String, execution: String, features: UInt64) -> String {
        """
        static const octavo_life life = {.size = sizeof life, .create = create, .destroy = destroy};

        #define TEXT(literal) {literal, sizeof(literal) - 1}
        static const octavo_schema schema = {
            .size = sizeof schema,
            .title = TEXT("\(id)"),
            .description = TEXT("What it is for."),
            .maturity = TEXT("alpha"),
        };
        static const octavo_type type = {
            .size = sizeof type,
            .kind = OCTAVO_KIND_\(kind),
            .execution = OCTAVO_EXECUTION_\(execution),
            .features = \(features)u,
            .name = TEXT("\(type)"),
            .version = TEXT("v1"),
            .schema = &schema,
            .life = &life,
            .ops = &ops,
        };
        static const octavo_type *const types[] = {&type};

        static int32_t start(const octavo_host *table, octavo_call call) {
            (void)call;
            host = table;
            return OCTAVO_OK;
        }

        static const octavo_plugin plugin = {
            .size = sizeof plugin,
            .flags = OCTAVO_PLUGIN_UNLOADABLE,
            .abi_minor = OCTAVO_ABI_MINOR,
            .requires_features = OCTAVO_FEATURE_CALLS,
            .id = TEXT("\(id)"),
            .version = TEXT("0.1.0"),
            .vendor = TEXT("you"),
            .description = TEXT("What it is for"),
            .types = types,
            .type_count = 1,
            .start = start,
        };

        OCTAVO_EXPORT const octavo_plugin *octavo_plugin_v1(void);
        const octavo_plugin *octavo_plugin_v1(void) { return &plugin; }

        /* What lists show without running any code; must agree with the descriptor. */
        OCTAVO_NOTE("\(id)", "0.1.0", 1u << OCTAVO_KIND_\(kind), OCTAVO_PLUGIN_UNLOADABLE, "\(type)");

        """
    }
}
