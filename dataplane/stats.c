// The rare half of a worker's statistics: what happens in a sampled turn, and reading. [W] but for
// stats_read() and stats_set_period(), which any thread may call; nothing here waits.
#include "stats.h"

#include <string.h>

#include "worker.h"

#define RECHECK 1024 // turns between two looks at a period of 0

void stats_init(struct stats *s)
{
	s->began = rte_rdtsc();
	s->until = 1;
	s->sampling = s->worked = false;
}

void stats_rearm(struct stats *s)
{
	// Relaxed: a number, seen sooner or later.
	uint32_t period = __atomic_load_n(&s->sum.period, __ATOMIC_RELAXED);

	s->until = period ? period : RECHECK;
	if (!period)
		return;
	memset(s->turn, 0, sizeof(s->turn));
	s->sampling = true;
	s->stamp = s->began;
}

void stats_stamp(struct stats *s, enum dp_stage stage, unsigned packets)
{
	struct dp_stage_stats *one = &s->turn[stage];
	uint64_t now = rte_rdtsc();

	one->cycles += now - s->stamp;
	one->packets += packets;
	one->calls += packets > 0;
	s->stamp = now;
}

void stats_commit(struct stats *s)
{
	stats_stamp(s, DP_STAGE_LOOP, 0);
	s->sampling = false;
	if (!s->worked)
		return;
	stats_add(&s->sum.sampled_turns, 1);
	for (unsigned i = 0; i < DP_STAGES; i++) {
		stats_add(&s->sum.stages[i].cycles, s->turn[i].cycles);
		stats_add(&s->sum.stages[i].packets, s->turn[i].packets);
		stats_add(&s->sum.stages[i].calls, s->turn[i].calls);
	}
}

static uint64_t word(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

void stats_read(const struct stats *s, struct dp_worker_stats *out)
{
	const struct dp_worker_stats *sum = &s->sum;

	*out = (struct dp_worker_stats){
		.cpu = sum->cpu,
		.turns = word(&sum->turns),
		.busy_turns = word(&sum->busy_turns),
		.cycles = word(&sum->cycles),
		.busy_cycles = word(&sum->busy_cycles),
		.longest = word(&sum->longest),
		.idle = sum->idle,
		.asleep = word(&sum->asleep),
		.packets = word(&sum->packets),
		.period = __atomic_load_n(&sum->period, __ATOMIC_RELAXED),
		.sampled_turns = word(&sum->sampled_turns),
	};
	for (unsigned i = 0; i < DP_WAKES; i++)
		out->wakes[i] = word(&sum->wakes[i]);
	for (unsigned i = 0; i < DP_FILL_CLASSES; i++)
		out->fill[i] = word(&sum->fill[i]);
	for (unsigned i = 0; i < DP_STAGES; i++)
		out->stages[i] = (struct dp_stage_stats){.cycles = word(&sum->stages[i].cycles),
		                                         .packets = word(&sum->stages[i].packets),
		                                         .calls = word(&sum->stages[i].calls)};
}

void stats_set_period(struct stats *s, uint32_t period)
{
	__atomic_store_n(&s->sum.period, period, __ATOMIC_RELAXED);
}

void dp_worker_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (worker >= dp->n_workers)
		return;
	stats_read(&dp->workers[worker]->stats, out);
	out->hz = dp->clock.hz;
	out->sleeps = dp_counter(dp, worker, COUNT_SLEEPS);
}

void dp_worker_sample(struct dp *dp, uint32_t period)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		stats_set_period(&dp->workers[i]->stats, period);
}

const char *dp_stage_name(unsigned stage)
{
	static const char *const names[DP_STAGES] = {
		[DP_STAGE_MESSAGES] = "messages",
		[DP_STAGE_RX] = "rx",
		[DP_STAGE_HANDOFF] = "handoff",
		[DP_STAGE_CLASSIFY] = "classify",
		[DP_STAGE_REASSEMBLE] = "reassemble",
		[DP_STAGE_ESP_IN] = "esp-in",
		[DP_STAGE_DECRYPT] = "decrypt",
		[DP_STAGE_POLICY] = "policy",
		[DP_STAGE_ESP_OUT] = "esp-out",
		[DP_STAGE_ENCRYPT] = "encrypt",
		[DP_STAGE_FORWARD] = "forward",
		[DP_STAGE_EGRESS] = "egress",
		[DP_STAGE_TX] = "tx",
		[DP_STAGE_MADE] = "made",
		[DP_STAGE_LOOP] = "loop",
	};

	return stage < DP_STAGES ? names[stage] : NULL;
}

const char *dp_fill_name(unsigned fill)
{
	static const char *const names[DP_FILL_CLASSES] = {"0",    "1",     "2-3",   "4-7",
	                                                   "8-15", "16-31", "32-63", "64"};

	return fill < DP_FILL_CLASSES ? names[fill] : NULL;
}
