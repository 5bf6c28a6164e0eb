// What the cores do with their time, and what ports do for them: the texts. Helper threads only.
#include "show_platform.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

#define SHARE_TEXT 16

// Zero over zero is nothing here.
static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static const char *share(bool known, double value, char out[SHARE_TEXT])
{
	if (known)
		snprintf(out, SHARE_TEXT, "%.1f%%", value * 100);
	else
		snprintf(out, SHARE_TEXT, "-");
	return out;
}

static void print_usage(const struct usage_view *u, struct text *out)
{
	char a[SHARE_TEXT], b[SHARE_TEXT], c[SHARE_TEXT];

	text_printf(out,
	            "  CPU utilization for five seconds: %s; one minute: %s; five minutes: %s\n",
	            share(u->known, u->five_s, a), share(u->known, u->minute, b),
	            share(u->known, u->five_minutes, c));
}

static uint64_t filled_bursts(const struct dp_worker_stats *s)
{
	uint64_t n = 0;

	for (unsigned i = 1; i < DP_FILL_CLASSES; i++)
		n += s->fill[i];
	return n;
}

static double packets_a_burst(const struct dp_worker_stats *s)
{
	return ratio((double)s->packets, (double)filled_bursts(s));
}

static double cycles_a_packet(const struct dp_worker_stats *s)
{
	return s->packets ? ratio((double)s->busy_cycles, (double)s->packets) : 0;
}

static double us_of(const struct dp_worker_stats *s, uint64_t cycles)
{
	return ratio((double)cycles * 1e6, (double)s->hz);
}

// ---- a line each

void platform_workers_head(struct text *out)
{
	text_printf(out, "%-6s %4s %7s %7s %7s %16s %8s %10s %14s\n", "Worker", "CPU", "5Sec",
	            "1Min", "5Min", "Packets in", "a burst", "Cycles", "Drops");
}

void platform_worker(const struct worker_view *v, struct text *out)
{
	const struct usage_view *u = &v->usage;
	char a[SHARE_TEXT], b[SHARE_TEXT], c[SHARE_TEXT];

	text_printf(out, "%-6u %4u %7s %7s %7s %16llu %8.1f %10.0f %14llu\n", v->worker,
	            v->stats.cpu, share(u->known, u->five_s, a), share(u->known, u->minute, b),
	            share(u->known, u->five_minutes, c), (unsigned long long)v->stats.packets,
	            packets_a_burst(&v->stats), cycles_a_packet(&v->stats),
	            (unsigned long long)v->drops);
}

// ---- detail

static void print_fill(const struct dp_worker_stats *s, struct text *out)
{
	text_printf(out, "  Packets in a receive burst, and how many bursts had so many:\n   ");
	for (unsigned i = 0; i < DP_FILL_CLASSES; i++)
		text_printf(out, " %11s", dp_fill_name(i));
	text_printf(out, "\n   ");
	for (unsigned i = 0; i < DP_FILL_CLASSES; i++)
		text_printf(out, " %11llu", (unsigned long long)s->fill[i]);
	text_printf(out, "\n");
}

static void print_stages(const struct dp_worker_stats *s, struct text *out)
{
	double all = 0;

	if (!s->period && !s->sampled_turns)
		return;
	for (unsigned i = 0; i < DP_STAGES; i++)
		all += (double)s->stages[i].cycles;
	text_printf(out, "  Stages, of %llu turns with work (one turn in %u is looked at):\n",
	            (unsigned long long)s->sampled_turns, s->period);
	text_printf(out, "    %-12s %7s %13s %15s %14s\n", "Stage", "Share", "Cycles a turn",
	            "Packets a call", "Cycles a packet");
	for (unsigned i = 0; i < DP_STAGES; i++) {
		const struct dp_stage_stats *st = &s->stages[i];
		char text[SHARE_TEXT];

		if (!st->cycles)
			continue;
		text_printf(out, "    %-12s %7s %13.0f", dp_stage_name(i),
		            share(true, ratio((double)st->cycles, all), text),
		            ratio((double)st->cycles, (double)s->sampled_turns));
		if (st->packets)
			text_printf(out, " %15.1f %14.0f",
			            ratio((double)st->packets, (double)st->calls),
			            ratio((double)st->cycles, (double)st->packets));
		text_printf(out, "\n");
	}
}

static void print_idle(const struct dp_worker_stats *s, struct text *out)
{
	static const char *const ways[] = {
		[DP_IDLE_POLL] = "Polls",
		[DP_IDLE_NAP] = "Naps",
		[DP_IDLE_WAIT] = "Waits for interrupts",
	};
	char text[SHARE_TEXT];

	text_printf(out, "  %s when idle", ways[s->idle]);
	if (s->idle != DP_IDLE_POLL)
		text_printf(out, ": %llu sleeps, %s of the time", (unsigned long long)s->sleeps,
		            share(true, ratio((double)s->asleep, (double)s->cycles), text));
	if (s->idle == DP_IDLE_WAIT)
		text_printf(out, "; ended by a port %llu, by another core %llu, by time %llu",
		            (unsigned long long)s->wakes[DP_WAKE_PORT],
		            (unsigned long long)s->wakes[DP_WAKE_BELL],
		            (unsigned long long)s->wakes[DP_WAKE_TIME]);
	text_printf(out, "\n");
}

void platform_worker_detail(const struct worker_view *v, struct text *out)
{
	const struct dp_worker_stats *s = &v->stats;
	char text[SHARE_TEXT];

	text_printf(out, "Worker %u on CPU %u\n", v->worker, s->cpu);
	print_usage(&v->usage, out);
	text_printf(out, "  %llu turns, %llu with work: %s of the time, the longest %.0f us\n",
	            (unsigned long long)s->turns, (unsigned long long)s->busy_turns,
	            share(true, ratio((double)s->busy_cycles, (double)s->cycles), text),
	            us_of(s, s->longest));
	print_idle(s, out);
	text_printf(out,
	            "  %llu packets in %llu receive bursts: %.1f a burst, %.0f cycles a packet\n",
	            (unsigned long long)s->packets, (unsigned long long)filled_bursts(s),
	            packets_a_burst(s), cycles_a_packet(s));
	print_fill(s, out);
	print_stages(s, out);
	text_printf(out, "  %llu packets dropped\n", (unsigned long long)v->drops);
}

void platform_drop(const struct counter_view *v, struct text *out)
{
	text_printf(out, "    %20llu  %s\n", (unsigned long long)v->value, v->name);
}

static void print_parts(const struct control_view *v, struct text *out)
{
	char text[SHARE_TEXT];
	uint64_t all = 0;

	for (unsigned i = 0; i < CONTROL_PARTS; i++)
		all += v->parts[i].us;
	if (all == 0)
		return;
	text_printf(out, "  %-28s Share   Longest us\n", "Part of a turn");
	for (unsigned i = 0; i < CONTROL_PARTS; i++)
		if (v->parts[i].us)
			text_printf(out, "  %-28s %5s %12llu\n", v->parts[i].name,
			            share(true, ratio((double)v->parts[i].us, (double)all), text),
			            (unsigned long long)v->parts[i].longest_us);
}

void platform_control(const struct control_view *v, struct text *out)
{
	text_printf(out, "Control core\n");
	print_usage(&v->usage, out);
	text_printf(out,
	            "  %llu turns, %llu with work, %llu late; the longest %llu us, of CPU %llu us; "
	            "%llu over 1 ms of CPU\n",
	            (unsigned long long)v->turns, (unsigned long long)v->busy_turns,
	            (unsigned long long)v->late_turns, (unsigned long long)v->longest_us,
	            (unsigned long long)v->longest_cpu_us, (unsigned long long)v->long_turns);
	if (v->teardowns)
		text_printf(out,
		            "  %llu peers torn down, their last SA gone after %.1f ms on average, "
		            "%llu ms at most\n",
		            (unsigned long long)v->teardowns, (double)v->teardown_ms / v->teardowns,
		            (unsigned long long)v->longest_teardown_ms);
	print_parts(v, out);
}

// ---- memory

void platform_memory(const struct memory_view *v, unsigned long resident, struct text *out)
{
	text_printf(out, "%10s %11s %11s\n", "In use", "Bytes each", "KiB");
	for (unsigned i = 0; i < v->n; i++)
		text_printf(out, "%10u %11u %11llu  %s\n", v->rows[i].used, v->rows[i].bytes,
		            (unsigned long long)v->rows[i].used * v->rows[i].bytes / 1024,
		            v->rows[i].name);
	text_printf(out, "  %u timers are armed; they lie inside of the others, %u bytes each\n",
	            v->timers, v->timer_bytes);
	if (resident)
		text_printf(out, "  Resident in all: %lu KiB\n", resident);
}

// ---- ports

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void print_handoff(const struct port_view *v, const char *reason, struct text *out)
{
	text_printf(out, "handoff (driver %s: %s)\n", v->driver, reason);
}

// What all kinds of packets have in common stands on the first line, what differs below.
static void print_steering(const struct port_view *v, struct text *out)
{
	const char *refused = NULL;
	unsigned rules = 0;

	for (unsigned i = 0; i < DP_STEER_KINDS; i++) {
		const struct dp_steer_kind *kind = &v->steering.kinds[i];

		rules += kind->rules;
		if (kind->asked && !kind->rules && !refused)
			refused = kind->refused;
	}
	if (rules)
		text_printf(out, "rte_flow, %u rule%s\n", rules, plural(rules));
	else
		print_handoff(v, refused ? refused : "not asked", out);
	for (unsigned i = 0; i < DP_STEER_KINDS; i++) {
		const struct dp_steer_kind *kind = &v->steering.kinds[i];

		if (!kind->asked || kind->rules || (!rules && strcmp(kind->refused, refused) == 0))
			continue;
		text_printf(out, "    %s: ", dp_steer_name(i));
		print_handoff(v, kind->refused, out);
	}
}

void platform_port(const struct port_view *v, struct text *out)
{
	const struct dp_port_steering *s = &v->steering;

	text_printf(out, "%s, driver %s\n", v->name, v->driver);
	text_printf(out, "  %u receive queue%s of %u worker%s%s\n", s->queues, plural(s->queues),
	            s->workers, plural(s->workers), s->rss ? ", spread by addresses" : "");
	text_printf(out, "  ESP steering: ");
	if (s->workers < 2)
		text_printf(out, "none (all comes in at one worker)\n");
	else
		print_steering(v, out);
}
