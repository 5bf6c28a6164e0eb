// Time for the control core: one TSC base for all cores, read afresh at every call; the ticker on
// rte_timer; giving the CPU away. [C]
#include <errno.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define IDLE_MAX_US (US_PER_S / TICKS_PER_SECOND)

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

static void ticker_expired(struct rte_timer *timer, void *arg);

// From one due time to the next, however late this one is seen: the place within a tick stays, and
// what was missed is made up for, one call a turn.
static int ticker_arm(struct dp *dp, uint64_t due)
{
	uint64_t now = rte_rdtsc();

	dp->ticker_due = due;
	return rte_timer_reset(&dp->ticker, due > now ? due - now : 0, SINGLE, rte_lcore_id(),
	                       ticker_expired, dp);
}

static void ticker_expired(struct rte_timer *timer, void *arg)
{
	struct dp *dp = arg;

	(void)timer;
	(void)ticker_arm(dp, dp->ticker_due + dp->ticker_cycles);
	dp->ticker_fn(dp->ticker_arg);
}

int dp_ticker_start(struct dp *dp, unsigned period_ms, void (*fn)(void *arg), void *arg)
{
	const struct dp_clock *clock = &dp->clock;
	uint64_t now = rte_rdtsc(), into = (now - clock->base) % clock->cycles_a_tick;

	if (period_ms == 0 || !fn || dp->ticker_fn)
		return -EINVAL;
	dp->ticker_fn = fn;
	dp->ticker_arg = arg;
	dp->ticker_cycles = clock->hz * period_ms / MS_PER_S;
	// The middle of the next tick.
	return ticker_arm(dp, now - into + clock->cycles_a_tick * 3 / 2) ? -EBUSY : 0;
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

int dp_control_watch(struct dp *dp, int fd)
{
	if (dp->n_watched == DP_WATCHED_MAX)
		return -ENOSPC;
	dp->watched[dp->n_watched++] = fd;
	return 0;
}

void dp_control_unwatch(struct dp *dp, int fd)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < dp->n_watched; i++)
		if (dp->watched[i] != fd)
			dp->watched[kept++] = dp->watched[i];
	dp->n_watched = kept;
}

// How long nothing is due. 0: something is.
static uint64_t idle_us(const struct dp *dp, unsigned max_us)
{
	uint64_t now = rte_rdtsc(), due = dp->ticker.expire, us = RTE_MIN(max_us, IDLE_MAX_US);

	if (!dp->ticker_fn)
		return us;
	// Rounded up, so that it is not found undone by a microsecond.
	return due <= now ? 0 : RTE_MIN(us, (due - now) * US_PER_S / dp->clock.hz + 1);
}

static void control_wait(struct dp *dp, uint64_t us)
{
	const struct timespec longest = {.tv_nsec = (long)us * 1000};
	struct pollfd fds[1 + DP_WATCHED_MAX] = {{.fd = dp->bell.fd, .events = POLLIN}};
	uint64_t rings;

	for (unsigned i = 0; i < dp->n_watched; i++)
		fds[1 + i] = (struct pollfd){.fd = dp->watched[i], .events = POLLIN};
	if (ppoll(fds, 1 + dp->n_watched, &longest, NULL) <= 0)
		return;
	// What they rang for is looked at after this, so a ring that comes now is not lost.
	for (unsigned i = 0; i < 1 + dp->n_watched; i++)
		if (fds[i].revents && read(fds[i].fd, &rings, sizeof(rings)) < 0)
			continue;
}

void dp_control_idle(struct dp *dp, unsigned max_us)
{
	uint64_t us;

	if (!dp->idle_adaptive)
		return;
	us = idle_us(dp, max_us);
	if (us == 0)
		return;
	doorbell_announce(&dp->bell);
	if (!control_has_work(dp))
		control_wait(dp, us);
	doorbell_up(&dp->bell);
}
