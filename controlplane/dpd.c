// Decides when to probe a peer and when it is dead (RFC 3706, 5.5). Control core; pure: reads no
// clock, sends nothing, arms nothing.
//
// A run begins with a probe and has, while nothing is heard, up to five windows of `retry` ticks. A
// window ends in one of three ways: life was seen since the run began (the run is over), a loss is
// counted (the fifth is death), or it is repeated because we could not have heard, or asked.
#include "dpd.h"

static struct dpd_decision wait_until(tick_t at)
{
	return (struct dpd_decision){.action = DPD_WAIT, .arm = true, .at = at};
}

static bool life_since(const struct dpd_facts *f, tick_t when)
{
	return f->have_life && tick_before(when, f->last_life);
}

// A window that begins now; the probe itself goes out with this decision. A retry keeps to the
// schedule of the run: windows that are each judged a little late must not add up.
static struct dpd_decision open_window(struct dpd *d, const struct dpd_config *c,
                                       const struct dpd_facts *f, enum dpd_action action)
{
	bool on_time =
		action == DPD_RETRY && tick_diff(f->now, d->window_end) < (int32_t)c->retry / 4;

	d->unsent = d->no_route = false;
	d->window_start = f->now;
	d->window_end = (on_time ? d->window_end : f->now) + c->retry;
	d->input_losses_before = (uint32_t)f->input_losses;
	d->input_way = f->input_way;
	return (struct dpd_decision){.action = action, .arm = true, .at = d->window_end};
}

static struct dpd_decision begin_run(struct dpd *d, const struct dpd_config *c,
                                     const struct dpd_facts *f)
{
	d->state = DPD_AGGRESSIVE;
	d->losses = 0;
	d->deferrals = 0;
	d->run_start = f->now;
	return open_window(d, c, f, DPD_PROBE);
}

// Periodic: the next probe is due `interval` after `from`, or if that is over, at the next time of
// that schedule: peers that are spread over the interval stay so, also when this machine stood
// still and many probes went out late at once. On-demand: nothing until a doubt.
static struct dpd_decision calm(struct dpd *d, const struct dpd_config *c,
                                const struct dpd_facts *f, tick_t from)
{
	d->state = DPD_CALM;
	d->losses = 0;
	d->deferrals = 0;
	d->unsent = d->no_route = false;
	if (!c->periodic)
		return (struct dpd_decision){.action = DPD_WAIT};
	d->window_end = from + c->interval;
	if (tick_before(d->window_end, f->now))
		d->window_end +=
			(f->now - d->window_end + c->interval - 1) / c->interval * c->interval;
	d->schedule = d->window_end;
	return wait_until(d->window_end);
}

struct dpd_decision dpd_start(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f,
                              tick_t phase)
{
	if (!c->enabled) {
		dpd_stop(d);
		return (struct dpd_decision){.action = DPD_WAIT};
	}
	return calm(d, c, f, f->now - phase);
}

void dpd_stop(struct dpd *d)
{
	*d = (struct dpd){.state = DPD_OFF};
}

static struct dpd_decision end_run(struct dpd *d, const struct dpd_config *c,
                                   const struct dpd_facts *f)
{
	return calm(d, c, f, d->schedule);
}

// May have lost some, where nobody knows: what its messages come in by is not what it was.
static bool lost_input(const struct dpd *d, const struct dpd_facts *f)
{
	return (uint32_t)f->input_losses != d->input_losses_before || f->input_way != d->input_way;
}

static struct dpd_decision judge_window(struct dpd *d, const struct dpd_config *c,
                                        const struct dpd_facts *f)
{
	struct dpd_decision out;

	if (life_since(f, d->run_start))
		return end_run(d, c, f);
	// Nobody was asked.
	if (d->unsent)
		return open_window(d, c, f, DPD_AGAIN);
	if (d->no_route && tick_before(f->now, d->give_up)) {
		out = open_window(d, c, f, DPD_AGAIN);
		d->no_route = true;
		return out;
	}
	// The machine stood still within this window (a late turn of the control loop).
	if (tick_before(d->window_start, f->restarted))
		return open_window(d, c, f, DPD_AGAIN);
	// Input was lost before we could hear it, and the answer may have been in it; or a worker
	// stands still, and nothing of it was heard since we asked.
	if ((lost_input(d, f) || tick_before(f->heard_until, d->window_start)) &&
	    d->deferrals < DPD_DEFERRALS_MAX) {
		d->deferrals++;
		out = open_window(d, c, f, DPD_AGAIN);
		out.deferred = true;
		return out;
	}
	d->deferrals = 0;
	if (++d->losses < DPD_LOSSES_MAX) {
		out = open_window(d, c, f, DPD_RETRY);
	} else {
		out = (struct dpd_decision){.action = DPD_DEAD};
		d->state = DPD_OFF;
	}
	out.loss = true;
	return out;
}

struct dpd_decision dpd_unsent(struct dpd *d, const struct dpd_facts *f)
{
	d->unsent = true;
	d->window_end = f->now + DPD_UNSENT_WAIT;
	return wait_until(d->window_end);
}

struct dpd_decision dpd_no_route(struct dpd *d, const struct dpd_config *c,
                                 const struct dpd_facts *f)
{
	if (!d->no_route)
		d->give_up = d->window_end;
	d->no_route = true;
	d->window_end = f->now + c->retry / DPD_NO_ROUTE_TRIES;
	if (tick_before(d->give_up, d->window_end))
		d->window_end = d->give_up;
	return wait_until(d->window_end);
}

// What arrived before the deadline must be consumed before the deadline is judged. Input that never
// catches up must not hide a death for ever: a whole window is the bound.
static bool can_judge(const struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f)
{
	return !tick_before(f->heard_until, d->window_end) ||
	       !tick_before(f->now, d->window_end + c->retry);
}

bool dpd_asks_for_life(const struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f,
                       tick_t *since)
{
	if (d->state == DPD_AGGRESSIVE) {
		*since = d->run_start;
		return !tick_before(f->now, d->window_end) && can_judge(d, c, f);
	}
	*since = f->now - c->interval;
	return d->state == DPD_CALM && !c->periodic;
}

struct dpd_decision dpd_expired(struct dpd *d, const struct dpd_config *c,
                                const struct dpd_facts *f)
{
	if (d->state == DPD_OFF)
		return (struct dpd_decision){.action = DPD_WAIT};
	if (tick_before(f->now, d->window_end))
		return wait_until(d->window_end);
	if (d->state == DPD_CALM)
		return c->periodic ? begin_run(d, c, f) : (struct dpd_decision){.action = DPD_WAIT};
	if (!can_judge(d, c, f))
		return wait_until(f->now + 1);
	return judge_window(d, c, f);
}

struct dpd_decision dpd_doubt(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f)
{
	if (d->state == DPD_AGGRESSIVE)
		return wait_until(d->window_end);
	if (d->state == DPD_OFF || c->periodic)
		return d->state == DPD_OFF ? (struct dpd_decision){.action = DPD_WAIT}
		                           : wait_until(d->window_end);
	if (f->have_life && tick_before(f->now, f->last_life + c->interval))
		return (struct dpd_decision){.action = DPD_WAIT};
	return begin_run(d, c, f);
}

struct dpd_decision dpd_alive(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f)
{
	if (d->state == DPD_AGGRESSIVE)
		return end_run(d, c, f);
	if (d->state == DPD_CALM && c->periodic)
		return wait_until(d->window_end);
	return (struct dpd_decision){.action = DPD_WAIT};
}

struct dpd_decision dpd_hello(struct dpd *d, const struct dpd_config *c, const struct dpd_facts *f)
{
	if (d->state == DPD_OFF)
		return (struct dpd_decision){.action = DPD_WAIT};
	return calm(d, c, f, f->now);
}
