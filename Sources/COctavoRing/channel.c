#include "octavo_channel.h"

#include <unistd.h>

#define PAGE 4096ull
#define WORDS_BYTES ((OCTAVO_CHANNELS_MAX * sizeof(octavo_words) + PAGE - 1) & ~(PAGE - 1))
#define BUSY_BYTES sizeof(octavo_busy_table)
#define SUBMISSION_BYTES (OCTAVO_SUBMISSIONS * sizeof(octavo_entry))
#define COMPLETION_BYTES (OCTAVO_COMPLETIONS * sizeof(octavo_entry))

OCTAVO_STATIC_ASSERT(BUSY_BYTES % PAGE == 0, "the busy table fills whole pages");

/* H: words, rings, areas. P: words, busy table, rings, areas. */
static uint64_t rings_h(void) { return WORDS_BYTES; }
static uint64_t rings_p(void) { return WORDS_BYTES + BUSY_BYTES; }

uint64_t octavo_segment_h_size(uint32_t channels, uint64_t area) {
    return rings_h() + channels * (SUBMISSION_BYTES + area);
}

uint64_t octavo_segment_p_size(uint32_t channels, uint64_t area) {
    return rings_p() + channels * (COMPLETION_BYTES + area);
}

octavo_words *octavo_segment_words(void *segment, uint32_t channel) { return (octavo_words *)segment + channel; }

octavo_entry *octavo_submissions(void *segment_h, uint32_t channel) {
    return (octavo_entry *)((uint8_t *)segment_h + rings_h() + channel * SUBMISSION_BYTES);
}

octavo_entry *octavo_completions(void *segment_p, uint32_t channel) {
    return (octavo_entry *)((uint8_t *)segment_p + rings_p() + channel * COMPLETION_BYTES);
}

uint8_t *octavo_area_h(void *segment_h, uint32_t channels, uint64_t area, uint32_t channel) {
    return (uint8_t *)segment_h + rings_h() + channels * SUBMISSION_BYTES + channel * area;
}

uint8_t *octavo_area_p(void *segment_p, uint32_t channels, uint64_t area, uint32_t channel) {
    return (uint8_t *)segment_p + rings_p() + channels * COMPLETION_BYTES + channel * area;
}

octavo_busy_table *octavo_busy_lines(void *segment_p) { return (octavo_busy_table *)((uint8_t *)segment_p + WORDS_BYTES); }

void octavo_ring_doorbell(const octavo_words *peer, uint32_t *rung, int doorbell) {
    const uint64_t one = 1;
    uint32_t sleep;
    /* Pairs with the fence of octavo_go_to_sleep: one of the two sees what the other has stored. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    sleep = __atomic_load_n(&peer->sleep, __ATOMIC_RELAXED);
    if (!(sleep & 1) || sleep == *rung) return;
    *rung = sleep;
    /* Full means rung already. */
    if (write(doorbell, &one, sizeof one) < 0) return;
}

void octavo_go_to_sleep(octavo_words *own) {
    uint32_t sleep = __atomic_load_n(&own->sleep, __ATOMIC_RELAXED);
    __atomic_store_n(&own->sleep, (sleep | 1u) + ((sleep & 1u) ? 2u : 0u), __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void octavo_wake_up(octavo_words *own) {
    uint32_t sleep = __atomic_load_n(&own->sleep, __ATOMIC_RELAXED);
    if (sleep & 1u) __atomic_store_n(&own->sleep, sleep + 1u, __ATOMIC_RELAXED);
}
