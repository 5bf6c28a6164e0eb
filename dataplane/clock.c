// Time for the control core: one TSC base for all cores, read afresh at every call; the ticker on
// rte_timer; giving the CPU away. [C]
#include <errno.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <time.h>

#include "worker.h"

#define IDLE_MAX_US 1000u

tick_t dp_now(const struct dp *dp)
{
	return clock_tick(&dp->clock, rte_rdtsc());
}

uint64_t dp_now_us(const struct dp *dp)
{
	uint64_t cycles = rte_rdtsc() - dp->clock.base, hz = dp->clock.hz;

	// In two parts: cycles * 10^6 would overflow after two hours.
	return US_PER_S + cycles / hz * US_PER_S + cycles % hz * US_PER_S / hz;
}

static void ticker_expired(struct rte_timer *timer, void *arg)
{
	struct dp *dp = arg;

	(void)timer;
	dp->ticker_fn(dp->ticker_arg);
}

int dp_ticker_start(struct dp *dp, unsigned period_ms, void (*fn)(void *arg), void *arg)
{
	uint64_t cycles = dp->clock.hz * period_ms / MS_PER_S;

	if (period_ms == 0 || !fn || dp->ticker_fn)
		return -EINVAL;
	dp->ticker_fn = fn;
	dp->ticker_arg = arg;
	return rte_timer_reset(&dp->ticker, cycles, PERIODICAL, rte_lcore_id(), ticker_expired, dp)
	               ? -EBUSY
	               : 0;
}

void dp_timers_run(struct dp *dp)
{
	message_drain(dp);
	rte_timer_manage();
}

// Is there anything that the control core would do at once?
static bool control_has_work(const struct dp *dp)
{
	if (dp->events.count)
		return true;
	for (unsigned i = 0; i < dp->n_workers; i++) {
		const struct worker *w = dp->workers[i];

		if (dp->waiting[i].count || !rte_ring_empty(w->events))
			return true;
		for (unsigned c = 0; c < DP_PUNT_CLASSES; c++)
			if (dp->heads[i][c] || !rte_ring_empty(w->punt[c]))
				return true;
	}
	return false;
}

void dp_control_idle(struct dp *dp, unsigned max_us)
{
	struct timespec pause = {.tv_nsec = RTE_MIN(max_us, IDLE_MAX_US) * 1000L};

	if (!dp->idle_adaptive || max_us == 0 || control_has_work(dp))
		return;
	nanosleep(&pause, NULL);
}
