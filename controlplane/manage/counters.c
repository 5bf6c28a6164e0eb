// Counters as people see them. Control core only; must not allocate once it runs.
//
// A counter has one writer, which is often a worker, so that clearing one means to remember what it
// was. Nothing but the show commands looks at these differences.
#include "counters.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"

#define PERIOD ticks_from_seconds(5)

#define LONG_TURN_US 1000
// How much of a share of five seconds goes into the averages: 1 - exp(-5/60) and 1 - exp(-5/300),
// in 1/65536, as IOS weighs them.
#define INTO_MINUTE       5239
#define INTO_FIVE_MINUTES 1083

// How busy a core is.
struct usage {
	uint64_t busy, all;                    // at the end of the last period
	uint32_t five_s, minute, five_minutes; // 1/65536
	bool known;                            // a first period is over
};

struct counters {
	unsigned n_workers, n_counters;
	uint32_t vlans_made; // c->vlans_made when it was last looked at
	tick_t due;          // end of the period
	struct usage *worker_usage;
	struct usage control_usage;
	// What they were when they were cleared.
	uint64_t *worker; // [worker * n_counters + counter]
	struct dp_worker_stats *stats;
	struct dp_iface_info ifaces[DP_IFACES_MAX];
	uint64_t iface_when[DP_IFACES_MAX]; // dp_now_us(), 0 = never
	struct control_counters control;
	uint64_t losses;
};

struct counters *counters_create(const struct control *c)
{
	struct counters *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->n_workers = dp_workers(c->dp);
	n->n_counters = dp_counters(c->dp);
	n->vlans_made = c->vlans_made;
	n->due = c->now + PERIOD;
	n->worker_usage = calloc(n->n_workers, sizeof(*n->worker_usage));
	n->worker = calloc((size_t)n->n_workers * n->n_counters + 1, sizeof(*n->worker));
	n->stats = calloc(n->n_workers, sizeof(*n->stats));
	if (n->worker_usage && n->worker && n->stats)
		return n;
	counters_destroy(n);
	return NULL;
}

void counters_destroy(struct counters *n)
{
	if (!n)
		return;
	free(n->worker_usage);
	free(n->worker);
	free(n->stats);
	free(n);
}

// ---- how busy --------------------------------------------------------------------------------

static uint32_t blend(uint32_t average, uint32_t now, uint32_t weight)
{
	return average + (uint32_t)(((int64_t)now - average) * weight / 65536);
}

static void usage_add(struct usage *u, uint64_t busy, uint64_t all)
{
	uint64_t span = all - u->all, part = busy - u->busy;
	uint32_t share = span ? (uint32_t)((part < span ? part : span) * 65536 / span) : 0;

	u->minute = u->known ? blend(u->minute, share, INTO_MINUTE) : share;
	u->five_minutes = u->known ? blend(u->five_minutes, share, INTO_FIVE_MINUTES) : share;
	u->five_s = share;
	u->busy = busy;
	u->all = all;
	u->known = true;
}

static void period_end(struct control *c, struct counters *n)
{
	for (unsigned i = 0; i < n->n_workers; i++) {
		struct dp_worker_stats s;

		dp_worker_stats(c->dp, i, &s);
		usage_add(&n->worker_usage[i], s.busy_cycles, s.cycles);
	}
	usage_add(&n->control_usage, c->counters.busy_us, dp_now_us(c->dp));
	n->due = c->now + PERIOD;
}

// A subinterface that has another one's number counts from zero, and was never cleared.
static void begin_afresh(struct control *c, struct counters *n)
{
	for (unsigned i = 0; i < c->n_ports; i++) {
		if ((int32_t)(c->vlan_made[i] - n->vlans_made) <= 0)
			continue;
		dp_iface_info(c->dp, (uint16_t)i, &n->ifaces[i]);
		n->iface_when[i] = 0;
	}
	n->vlans_made = c->vlans_made;
}

// A turn of so many us lasts longer than its work where other threads want the core too. The CPU's
// time is that since the turn before, so with what was done to sleep in between.
static void note_cpu(struct control *c, uint64_t turn_us)
{
	struct timespec now;
	uint64_t us, took;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now))
		return;
	us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	took = c->cpu_us ? us - c->cpu_us : 0;
	took = took < turn_us ? took : turn_us;
	c->cpu_us = us;
	c->counters.long_turns += took > LONG_TURN_US;
	if (took > c->counters.longest_cpu_us)
		c->counters.longest_cpu_us = took;
}

void counters_turn(struct control *c, uint64_t start, bool worked)
{
	uint64_t us = dp_now_us(c->dp) - start;
	struct counters *n = c->shown;

	note_cpu(c, us);
	if (worked) {
		c->counters.busy_turns++;
		c->counters.busy_us += us;
	}
	if (us > c->counters.longest_us)
		c->counters.longest_us = us;
	if (n && c->vlans_made != n->vlans_made)
		begin_afresh(c, n);
	if (n && tick_diff(c->now, n->due) >= 0)
		period_end(c, n);
}

static struct usage_view usage_of(const struct usage *u)
{
	return (struct usage_view){
		.known = u->known,
		.five_s = u->five_s / 65536.0,
		.minute = u->minute / 65536.0,
		.five_minutes = u->five_minutes / 65536.0,
	};
}

struct usage_view counters_worker_usage(const struct control *c, unsigned worker)
{
	return usage_of(&c->shown->worker_usage[worker]);
}

struct usage_view counters_control_usage(const struct control *c)
{
	return usage_of(&c->shown->control_usage);
}

// ---- since the last clearing -----------------------------------------------------------------

// Both are made of nothing but words of 64 bits from `from` on.
static void subtract(void *of, const void *base, size_t size)
{
	uint64_t *to = of;
	const uint64_t *from = base;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] -= from[i];
}

uint64_t counters_worker(const struct control *c, unsigned worker, unsigned counter)
{
	return dp_counter(c->dp, worker, counter) -
	       c->shown->worker[worker * c->shown->n_counters + counter];
}

void counters_worker_stats(const struct control *c, unsigned worker, struct dp_worker_stats *out)
{
	const struct dp_worker_stats *base = &c->shown->stats[worker];

	dp_worker_stats(c->dp, worker, out);
	out->turns -= base->turns;
	out->busy_turns -= base->busy_turns;
	out->cycles -= base->cycles;
	out->busy_cycles -= base->busy_cycles;
	out->sleeps -= base->sleeps;
	out->asleep -= base->asleep;
	subtract(out->wakes, base->wakes, sizeof(out->wakes));
	out->packets -= base->packets;
	out->sampled_turns -= base->sampled_turns;
	subtract(out->fill, base->fill, sizeof(out->fill));
	subtract(out->stages, base->stages, sizeof(out->stages));
}

void counters_control(const struct control *c, struct control_counters *out)
{
	const struct control_counters *now = &c->counters;

	*out = *now;
	if (c->shown)
		subtract(out, &c->shown->control, sizeof(*out));
	out->longest_us = now->longest_us; // maxima; clearing starts them afresh
	out->longest_cpu_us = now->longest_cpu_us;
	out->longest_teardown_ticks = now->longest_teardown_ticks;
	for (unsigned i = 0; i < TURN_PARTS; i++)
		out->parts[i].longest_us = now->parts[i].longest_us;
}

uint64_t counters_losses(const struct control *c)
{
	return dp_punt_losses(c->dp, DP_ALL_IFACES) - c->shown->losses;
}

void counters_interface(const struct control *c, uint16_t iface, struct dp_iface_info *out)
{
	const struct dp_iface_info *base = &c->shown->ifaces[iface];

	dp_iface_info(c->dp, iface, out);
	out->rx_packets -= base->rx_packets;
	out->rx_bytes -= base->rx_bytes;
	out->rx_missed -= base->rx_missed;
	out->rx_full -= base->rx_full;
	out->rx_errors -= base->rx_errors;
	out->tx_packets -= base->tx_packets;
	out->tx_bytes -= base->tx_bytes;
	out->tx_dropped -= base->tx_dropped;
	out->tx_errors -= base->tx_errors;
}

uint32_t counters_cleared(const struct control *c, uint16_t iface)
{
	uint64_t when = c->shown->iface_when[iface];

	return when ? (uint32_t)((dp_now_us(c->dp) - when) / 1000000) : VIEW_NONE;
}

void counters_clear_interface(struct control *c, uint16_t iface)
{
	dp_iface_info(c->dp, iface, &c->shown->ifaces[iface]);
	c->shown->iface_when[iface] = dp_now_us(c->dp);
}

void counters_clear_worker(struct control *c, unsigned worker)
{
	struct counters *n = c->shown;

	for (unsigned i = 0; i < n->n_counters; i++)
		n->worker[worker * n->n_counters + i] = dp_counter(c->dp, worker, i);
	dp_worker_stats(c->dp, worker, &n->stats[worker]);
}

void counters_clear_control(struct control *c)
{
	c->counters.longest_us = c->counters.longest_cpu_us = 0;
	c->counters.longest_teardown_ticks = 0;
	for (unsigned i = 0; i < TURN_PARTS; i++)
		c->counters.parts[i].longest_us = 0;
	c->shown->control = c->counters;
	c->shown->losses = dp_punt_losses(c->dp, DP_ALL_IFACES);
}
