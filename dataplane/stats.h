// What a worker does with its time: turns, share of turns with work, fill of receive bursts, and of
// every period-th turn the cycles of each stage. One writer (the worker, but for `period`); read by
// anyone with relaxed loads, each word for itself.
//
// Stages are told apart by stamps in a row: all cycles since the last stamp belong to the stage
// that a stamp names, so a stage that calls another one stamps itself first. A turn's cycles are
// added up when it ends, and only if it had work: empty polls would drown the packets' cost.
#ifndef VIGIL_DATAPLANE_STATS_H
#define VIGIL_DATAPLANE_STATS_H

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <stdalign.h>

#include "api/dp.h"

// A prime: a pattern of turns that repeats is not met at the same place every time.
#define STATS_PERIOD 61

struct stats {
	// The worker alone.
	alignas(64) uint64_t began; // TSC, this turn
	uint64_t stamp;             // TSC, the last stamp of a sampled turn
	uint32_t until;             // turns before the next one to be sampled
	bool worked;                // the turn before this one
	bool sampling;              // this turn
	struct dp_stage_stats turn[DP_STAGES];
	// The worker writes, others read; `period` is written by the control core.
	alignas(64) struct dp_worker_stats sum;
};

// Before the first turn, on the worker's own core. [W]
void stats_init(struct stats *s);
// A turn to be sampled begins, or it is time to look at `period` again. [W]
void stats_rearm(struct stats *s);
// Adds a sampled turn up. [W]
void stats_commit(struct stats *s);
void stats_stamp(struct stats *s, enum dp_stage stage, unsigned packets);
// Any thread.
void stats_read(const struct stats *s, struct dp_worker_stats *out);
void stats_set_period(struct stats *s, uint32_t period);

static inline void stats_add(uint64_t *word, uint64_t n)
{
	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED);
}

// `tsc` is now: the turn before ends with it, and a new one begins.
static inline void stats_turn(struct stats *s, uint64_t tsc)
{
	uint64_t cycles = tsc - s->began;

	stats_add(&s->sum.turns, 1);
	stats_add(&s->sum.cycles, cycles);
	if (s->worked) {
		stats_add(&s->sum.busy_turns, 1);
		stats_add(&s->sum.busy_cycles, cycles);
		if (unlikely(cycles > s->sum.longest))
			__atomic_store_n(&s->sum.longest, cycles, __ATOMIC_RELAXED);
	}
	s->began = tsc;
	if (unlikely(--s->until == 0))
		stats_rearm(s);
}

static inline void stats_turn_end(struct stats *s, bool worked)
{
	s->worked = worked;
	if (unlikely(s->sampling))
		stats_commit(s);
}

// A stage is done, or it calls another one: the cycles since the last stamp are its own.
static inline void stats_stage(struct stats *s, enum dp_stage stage, unsigned packets)
{
	if (unlikely(s->sampling))
		stats_stamp(s, stage, packets);
}

// Which class of fill a burst of n packets is.
static inline unsigned stats_fill_class(unsigned n)
{
	unsigned class = n ? 32u - (unsigned)__builtin_clz(n) : 0;

	return class < DP_FILL_CLASSES ? class : DP_FILL_CLASSES - 1;
}

static inline void stats_burst(struct stats *s, unsigned n)
{
	stats_add(&s->sum.fill[stats_fill_class(n)], 1);
	stats_add(&s->sum.packets, n);
}

#endif
