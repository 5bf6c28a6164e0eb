// The timed loops. One thread, which is the worker; rounds of one cell run back to back, so that
// all probes see the same states of the machine, and a dropped packet ends the run.
#include "measure.h"

#include <rte_cycles.h>
#include <time.h>

#define TURNS        (MEASURE_PACKETS / RIG_BURST)
#define LOOP_TURNS   (RIG_LOOP / RIG_BURST)
#define LOOPS        (MEASURE_PACKETS / RIG_LOOP)
#define STATE_STEPS  2000u
#define WARM_ROUNDS  4u
#define STAGE_ROUNDS 32u
#define WARM_FLOWS   100000u // a flow is looked up in the policy once, and then remembered

// Nothing before it is still under way, nothing behind it has begun.
static inline uint64_t tsc(void)
{
	uint64_t t;

	__builtin_ia32_lfence();
	t = rte_rdtsc();
	__builtin_ia32_lfence();
	return t;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void measure_tsc(struct measure *m)
{
	uint64_t ns = now_ns(), start = rte_rdtsc(), end;

	m->overhead = UINT64_MAX;
	do {
		uint64_t one = tsc(), two = tsc();

		m->overhead = RTE_MIN(m->overhead, two - one);
		end = now_ns();
	} while (end - ns < 200000000u);
	m->tsc_hz = (uint64_t)((double)(rte_rdtsc() - start) * 1e9 / (double)(end - ns));
}

// ---- probes: cycles for MEASURE_PACKETS packets, 0 = failed ------------------------------------

// A chain of additions and rotations, which only the core's own clock and a neighbour on the same
// core can slow down. A step of it is always the same work.
static uint64_t state(void)
{
	uint64_t x = 1, start = tsc(), end;

	for (unsigned i = 0; i < STATE_STEPS; i++)
		__asm__ volatile("rol $7, %0\n\tadd $3, %0" : "+r"(x));
	end = tsc();
	return end - start;
}

static uint64_t raw(struct measure *m, bool inbound, bool prefetched)
{
	uint64_t start, end;
	bool good;

	raw_ready(&m->raw, &m->rig, !inbound);
	start = tsc();
	good = prefetched ? raw_run_prefetched(&m->raw, !inbound) : raw_run(&m->raw, !inbound);
	end = tsc();
	if (!good)
		fprintf(stderr, "bench: ipsec-mb did not bring a burst back\n");
	return good ? end - start - m->overhead : 0;
}

// Where jobs are what Vigil uses, what they took.
static uint64_t raw_calls(struct measure *m, bool inbound, uint64_t jobs)
{
	uint64_t start, end;
	bool good;

	if (m->raw.shape.engine != SA_ENGINE_GCM && m->raw.shape.engine != SA_ENGINE_CBC)
		return jobs;
	raw_ready(&m->raw, &m->rig, !inbound);
	start = tsc();
	good = raw_run_calls(&m->raw, !inbound);
	end = tsc();
	if (!good)
		fprintf(stderr, "bench: ipsec-mb did not bring a burst back\n");
	return good ? end - start - m->overhead : 0;
}

static bool all(const struct measure *m, const char *what, unsigned n, unsigned want)
{
	if (n == want)
		return true;
	fprintf(stderr, "bench: %s: %u of %u packets\n", what, n, want);
	(void)m;
	return false;
}

static uint64_t rig_out(struct measure *m)
{
	uint64_t start = tsc(), end;
	unsigned n = rig_replay(&m->rig, TURNS);

	end = tsc();
	return all(m, "the rig alone", n, MEASURE_PACKETS) ? end - start - m->overhead : 0;
}

// In a round for the stages every turn is looked at.
static void look(const struct measure *m, bool on)
{
	struct worker *w = m->gateway.worker;

	if (!m->looking)
		return;
	stats_set_period(&w->stats, on ? 1 : 0);
	w->stats.until = 1; // the next turn sees it
}

static uint64_t turns(struct measure *m, unsigned n)
{
	struct worker *w = m->gateway.worker;
	uint64_t start;

	look(m, true);
	start = tsc();
	while (n--)
		worker_turn(w);
	start = tsc() - start;
	look(m, false);
	return start;
}

static bool nothing_dropped(struct measure *m, uint64_t sent, unsigned want, const char *what)
{
	const char *reason = gateway_dropped(&m->gateway);

	if (reason)
		fprintf(stderr, "bench: %s: a packet was dropped: %s\n", what, reason);
	return !reason && all(m, what, (unsigned)sent, want);
}

static uint64_t vigil_out(struct measure *m)
{
	struct worker *w = m->gateway.worker;
	uint64_t before = w->counters[COUNT_TX], cycles;

	rig_lay_out(&m->rig);
	cycles = turns(m, TURNS);
	rig_lay_none(&m->rig);
	if (!nothing_dropped(m, w->counters[COUNT_TX] - before, MEASURE_PACKETS, "outbound"))
		return 0;
	return cycles - m->overhead;
}

static bool fill(struct measure *m)
{
	bool good = rig_fill_loop(&m->rig);
	const char *reason = gateway_dropped(&m->gateway);

	if (!good || reason)
		fprintf(stderr, "bench: the gateway did not fill the ring (%s)\n",
		        reason ? reason : "no reason was counted");
	return good && !reason;
}

static uint64_t rig_in(struct measure *m)
{
	uint64_t cycles = 0, start;
	unsigned n = 0;

	for (unsigned i = 0; i < LOOPS; i++) {
		if (!rig_fill_blank(&m->rig))
			return 0;
		start = tsc();
		n += rig_drain_loop(&m->rig, LOOP_TURNS);
		cycles += tsc() - start - m->overhead;
	}
	return all(m, "the rig alone", n, MEASURE_PACKETS) ? cycles : 0;
}

static uint64_t vigil_in(struct measure *m)
{
	struct worker *w = m->gateway.worker;
	uint64_t cycles = 0;

	for (unsigned i = 0; i < LOOPS; i++) {
		uint64_t before;

		if (!fill(m))
			return 0;
		before = w->counters[COUNT_TX];
		rig_lay_in(&m->rig);
		cycles += turns(m, LOOP_TURNS) - m->overhead;
		rig_lay_none(&m->rig);
		if (!nothing_dropped(m, w->counters[COUNT_TX] - before, RIG_LOOP, "inbound"))
			return 0;
	}
	return cycles;
}

// ---- rounds ----------------------------------------------------------------------------------

static bool one_round(struct measure *m, bool inbound, struct samples *s)
{
	uint64_t cycles[PROBES];
	bool good = true;

	cycles[PROBE_STATE] = state();
	cycles[PROBE_RAW] = raw(m, inbound, false);
	cycles[PROBE_RAW_PREFETCHED] = raw(m, inbound, true);
	cycles[PROBE_RAW_CALLS] = raw_calls(m, inbound, cycles[PROBE_RAW]);
	cycles[PROBE_RIG] = inbound ? rig_in(m) : rig_out(m);
	cycles[PROBE_VIGIL] = inbound ? vigil_in(m) : vigil_out(m);
	for (unsigned i = 0; i < PROBES; i++)
		good &= cycles[i] != 0;
	if (!good || !s || s->n == MEASURE_ROUNDS)
		return good;
	for (unsigned i = 0; i < PROBES; i++)
		s->of[i][s->n] = (float)cycles[i] /
		                 (float)(i == PROBE_STATE ? STATE_STEPS : MEASURE_PACKETS);
	s->n++;
	return true;
}

bool measure_cell(struct measure *m, bool inbound, unsigned ms, struct samples *s)
{
	unsigned warm = WARM_ROUNDS + RTE_MIN(m->rig.n, WARM_FLOWS) / MEASURE_PACKETS;
	bool good = raw_open(&m->raw, &m->rig) == 0;
	uint64_t until;

	rte_rcu_qsbr_thread_online(m->gateway.dp->rcu, 0);
	while (good && warm--)
		good = one_round(m, inbound, NULL);
	until = rte_rdtsc() + ms * m->tsc_hz / 1000;
	while (good && rte_rdtsc() < until)
		good = one_round(m, inbound, s);
	rte_rcu_qsbr_thread_offline(m->gateway.dp->rcu, 0);
	raw_close(&m->raw);
	return good;
}

bool measure_stages(struct measure *m, bool inbound, float stages[DP_STAGES])
{
	struct worker *w = m->gateway.worker;
	struct dp_worker_stats before, after;
	bool good = true;

	rte_rcu_qsbr_thread_online(m->gateway.dp->rcu, 0);
	m->looking = true;
	stats_read(&w->stats, &before);
	for (unsigned i = 0; i < STAGE_ROUNDS && good; i++)
		good = inbound ? vigil_in(m) : vigil_out(m);
	stats_read(&w->stats, &after);
	m->looking = false;
	stats_set_period(&w->stats, STATS_PERIOD);
	rte_rcu_qsbr_thread_offline(m->gateway.dp->rcu, 0);
	for (unsigned i = 0; i < DP_STAGES; i++)
		stages[i] = (float)(after.stages[i].cycles - before.stages[i].cycles) /
		            (float)(STAGE_ROUNDS * MEASURE_PACKETS);
	return good;
}
