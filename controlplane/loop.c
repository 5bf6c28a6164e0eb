// The loop of the control core. Must not block, wait for a worker, or do work for all peers in one
// turn: every step has a budget (bounds.h).
//
// The order matters for DPD: a verdict may only be given when all input that arrived before its
// deadline has been consumed, so input comes before timers, and heard_until says how far it got.
#include "loop.h"

#include "apply.h"
#include "bounds.h"
#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "manage/counters.h"
#include "manage/request.h"
#include "manual.h"
#include "neighbour.h"
#include "path_mtu.h"
#include "peer.h"
#include "peer_timers.h"
#include "teardown.h"

#define IDLE_US (TICK_MS * 1000) // whoever has something for us wakes us

// One of several things that a turn does has had its time.
static bool time_is_up(const struct control *c, uint64_t since)
{
	return dp_now_us(c->dp) - since >= TURN_US;
}

// The rte_timer's callback: brings the wheel up to the current tick.
static void tick(void *arg)
{
	struct control *c = arg;
	uint64_t start = dp_now_us(c->dp);
	unsigned n;

	do {
		n = wheel_run(&c->wheel, c->now, TURN_CHUNK, c);
		c->fired += n;
	} while (n == TURN_CHUNK && c->fired < TURN_TIMERS && !time_is_up(c, start));
	c->timers_left = n == TURN_CHUNK;
}

int loop_init(struct control *c)
{
	c->now = c->last_turn = dp_now(c->dp);
	c->restarted = c->now - 1;
	c->heard_until = c->now;
	wheel_init(&c->wheel, c->now);
	c->wheel.peek = peer_timers_peek;
	return dp_ticker_start(c->dp, TICK_MS, tick, c);
}

// A turn that starts late has been deaf: a paused machine must not look like dead peers.
static void start_turn(struct control *c, uint64_t now_us)
{
	tick_t now = dp_now(c->dp);

	if (tick_diff(now, c->last_turn) > (int32_t)ticks_from_ms(TURN_PAUSE_MS)) {
		c->restarted = now;
		c->counters.late_turns++;
	} else if (tick_diff(now, c->restarted) > INT32_MAX / 2) {
		c->restarted = now - INT32_MAX / 4; // keep the signed distance valid for ever
	}
	c->last_turn = now;
	c->now = now;
	c->counters.turns++;
	c->part_began = now_us;
}

// A part of the turn is done: the time since the part before is its own.
static void part_done(struct control *c, enum turn_part part)
{
	uint64_t now = dp_now_us(c->dp), took = now - c->part_began;

	c->part_began = now;
	c->counters.parts[part].us += took;
	if (took > c->counters.parts[part].longest_us)
		c->counters.parts[part].longest_us = took;
}

static void handle_event(struct control *c, const struct dp_event *ev)
{
	struct flow *f = flow_of(c, ev->tunnel);
	struct child *ch = child_of(c, ev->sa);

	switch (ev->kind) {
	case DP_EVENT_ACQUIRE:
		if (f)
			flow_acquire(c, f);
		break;
	case DP_EVENT_DOUBT:
		if (f && f->child)
			on_doubt(c, f->child->peer);
		else
			dp_tunnel_doubt_ack(c->dp, ev->tunnel);
		break;
	case DP_EVENT_SA_GONE:
		child_sa_gone(c, ev->sa);
		break;
	case DP_EVENT_SA_SOFT:
	case DP_EVENT_SA_HARD:
		if (ch)
			on_child_volume(c, ch, ev->kind == DP_EVENT_SA_HARD);
		break;
	case DP_EVENT_SA_MOVED:
		if (ch)
			on_peer_moved(c, ch->peer, &ev->addr, ev->port);
		break;
	case DP_EVENT_INVALID_SPI:
		on_invalid_spi(c, &ev->local, &ev->addr, ev->port, ev->spi);
		break;
	case DP_EVENT_PATH_MTU:
		path_mtu_heard(c, ev);
		break;
	case DP_EVENT_ECHO:
		echo_heard(c, ev);
		break;
	case DP_EVENT_LINK:
		apply_link(c, ev->iface, ev->up);
		break;
	case DP_EVENT_NEIGHBOUR_WANTED:
		neighbour_want(c, ev->iface, &ev->addr, false);
		break;
	}
}

static unsigned turn_events(struct control *c)
{
	struct dp_event events[TURN_CHUNK];
	uint64_t start = dp_now_us(c->dp);
	unsigned k, n = 0;

	do {
		k = dp_events(c->dp, events, TURN_CHUNK);
		for (unsigned i = 0; i < k; i++)
			handle_event(c, &events[i]);
		n += k;
	} while (k == TURN_CHUNK && n < TURN_EVENTS && !time_is_up(c, start));
	return n;
}

// What a turn has read of a class.
struct input {
	unsigned n;
	bool all;    // there was no more
	tick_t last; // arrival of the last one
};

// Hands views of a class to `fn`, `chunk` between two looks at the clock, at most `max` of them.
static struct input turn_input(struct control *c, enum dp_punt class, unsigned chunk, unsigned max,
                               void (*fn)(struct control *c, const struct dp_view *v))
{
	struct dp_view views[TURN_CHUNK];
	uint64_t start = dp_now_us(c->dp);
	struct input in = {0};
	unsigned k;

	do {
		k = dp_punt_recv(c->dp, class, views, chunk);
		if (class == DP_PUNT_IKE_ESTABLISHED)
			ike1_prefetch(c, views, k);
		for (unsigned i = 0; i < k; i++)
			fn(c, &views[i]);
		if (k)
			in.last = views[k - 1].arrived;
		dp_punt_release(c->dp, views, k);
		in.n += k;
	} while (k == chunk && in.n < max && !time_is_up(c, start));
	in.all = k < chunk;
	return in;
}

static void ike_view(struct control *c, const struct dp_view *v)
{
	c->counters.ike_in++;
	ike1_input(c, v);
}

// Answers and probes of known IKE SAs come first, so that a flood of first messages cannot starve
// them; only they can be proof of life, so heard_until follows them alone.
static unsigned turn_ike(struct control *c)
{
	tick_t horizon = dp_punt_horizon(c->dp);
	struct input known, new, frames;

	known = turn_input(c, DP_PUNT_IKE_ESTABLISHED, TURN_CHUNK, TURN_IKE_ESTABLISHED, ike_view);
	// Not all: another worker may be further behind than the one whose message was the last.
	c->heard_until = known.all || tick_before(horizon, known.last) ? horizon : known.last;
	part_done(c, TURN_PART_IKE);
	new = turn_input(c, DP_PUNT_IKE_NEW, TURN_CHUNK_NEW, TURN_IKE_NEW, ike_view);
	part_done(c, TURN_PART_IKE_NEW);
	frames = turn_input(c, DP_PUNT_FRAME, TURN_CHUNK, TURN_FRAMES, neighbour_frame);
	part_done(c, TURN_PART_FRAMES);
	return known.n + new.n + frames.n;
}

// True: there may be more.
static bool turn_dh(struct control *c)
{
	uint64_t start = dp_now_us(c->dp);
	bool more;

	do
		more = ike1_dh_done(c);
	while (more && !time_is_up(c, start));
	return more;
}

// True: there is more.
static bool turn_teardowns(struct control *c)
{
	uint64_t start = dp_now_us(c->dp);
	bool more;

	do
		more = teardown_step(c);
	while (more && !time_is_up(c, start));
	return more;
}

bool loop_turn(struct control *c)
{
	uint64_t start = dp_now_us(c->dp);
	unsigned n;
	bool more;

	start_turn(c, start);
	c->fired = 0;
	n = turn_events(c);
	part_done(c, TURN_PART_EVENTS);
	n += turn_ike(c);
	n += ike1_send_kept(c);
	part_done(c, TURN_PART_OUTBOX);
	more = turn_dh(c);
	part_done(c, TURN_PART_DH);
	ike1_admit(c);
	part_done(c, TURN_PART_ADMISSION);
	if (c->timers_left)
		tick(c);
	dp_timers_run(c->dp);
	part_done(c, TURN_PART_TIMERS);
	more |= turn_teardowns(c);
	part_done(c, TURN_PART_TEARDOWN);
	if (!c->stopping)
		more |= manual_install(c);
	more |= request_run(c) || n || c->timers_left;
	part_done(c, TURN_PART_ORDERS);
	counters_turn(c, start, more || c->fired);
	return more;
}

void loop_run(struct control *c, volatile const int *stop)
{
	while (!*stop)
		if (!loop_turn(c))
			dp_control_idle(c->dp, IDLE_US);
}

// Ends some more peers, from the one at `index` on; false: there is none left.
static bool drain_some(struct control *c, uint32_t *index)
{
	for (unsigned n = 0; n < TURN_DRAIN && !ike1_is_jammed(c); n++, (*index)++) {
		struct peer *p;

		if (*index >= c->peers.made)
			return false;
		p = slab_at(&c->peers, *index);
		if (p)
			teardown_peer(c, p);
	}
	return true;
}

void loop_drain(struct control *c, unsigned stuck_ms, unsigned max_ms)
{
	uint64_t now = dp_now_us(c->dp), end = now + (uint64_t)max_ms * 1000, moved = now;
	uint32_t index = 0, before = 0;
	bool more = true;

	c->stopping = true;
	while ((more || c->children.used || c->outbox.n) && now < end &&
	       now < moved + (uint64_t)stuck_ms * 1000) {
		more = drain_some(c, &index);
		if (!loop_turn(c) && (!more || ike1_is_jammed(c)))
			dp_control_idle(c->dp, IDLE_US);
		now = dp_now_us(c->dp);
		if (index + c->children.used + c->outbox.n != before)
			moved = now;
		before = index + c->children.used + c->outbox.n;
	}
}
