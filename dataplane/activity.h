// Words that say when something last happened; each has one writer at a time. Read by others at any
// time, so every access is atomic; relaxed, because a word stands for itself and orders nothing
// else.
//
//   word                    writer                            readers
//   activity.last_in        worker that owns the inbound SA   control, owner of the outbound SA
//                           (control: never, while the slot has no SA)
//   activity.generation     control (slot made or freed)      the same
//   sa.last                 the same worker                   control (where activity does not say)
//   sa.last_out             worker that owns the outbound SA  control
//   peer_words.heard        control                           workers
//   peer_words.doubt_after  control                           workers
//   tunnel.last_out         worker that owns the tunnel       control (what no SA of its says)
//   tunnel_words.doubt_ack  control                           worker that owns the tunnel
#ifndef VIGIL_DATAPLANE_ACTIVITY_H
#define VIGIL_DATAPLANE_ACTIVITY_H

#include "types.h"

// One for each SA slot, apart from the SA, whose own lines its worker writes for every packet.
// Others read it: control, and the owner of the outbound SA at most once a tick.
struct activity {
	uint32_t last_in;    // 0 = never; see activity_from_tick
	uint32_t generation; // of the slot's use
};

// One for each peer.
struct peer_words {
	uint32_t heard;       // 0 = never
	uint32_t doubt_after; // ticks; 0 = never doubt
};

static inline uint32_t activity_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void activity_store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

// 0 is kept for "never": the tick 0 is written down as its successor, 10 ms later.
static inline uint32_t activity_from_tick(tick_t tick)
{
	return tick ? tick : 1;
}

// One store at most a tick, so that the line stays shared between the cores that read it. True: it
// is the first of this tick.
static inline bool activity_mark(uint32_t *word, tick_t now)
{
	uint32_t value = activity_from_tick(now);

	if (activity_load(word) == value)
		return false;
	activity_store(word, value);
	return true;
}

// False: never.
static inline bool activity_read(const uint32_t *word, tick_t *when)
{
	uint32_t value = activity_load(word);

	if (value)
		*when = value;
	return value != 0;
}

// The later of two stamps, of however long ago; `now` may be behind the clock that wrote them by up
// to a second.
static inline tick_t activity_later(tick_t now, tick_t a, tick_t b)
{
	tick_t ahead = now + TICKS_PER_SECOND;

	return ahead - a <= ahead - b ? a : b;
}

#endif
