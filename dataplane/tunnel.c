// Flows in their owner's hands. [W] but for the table's making. No allocation, no waiting: what
// does not fit is dropped and counted; an event that finds no room is raised again.
#include "tunnel.h"

#include <string.h>

#include "dp_internal.h"
#include "esp.h"

#define DOUBT_RECHECK TICKS_PER_SECOND // how late a new doubt_after may be noticed

int tunnel_table_init(struct tunnel_table *t, uint32_t max, unsigned owners)
{
	memset(t, 0, sizeof(*t));
	t->max = max;
	t->owners = owners;
	t->words = calloc(max ? max : 1, sizeof(*t->words));
	if (!t->words || chunks_init(&t->tunnels, max, sizeof(struct tunnel))) {
		tunnel_table_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void tunnel_table_fini(struct tunnel_table *t)
{
	chunks_fini(&t->tunnels);
	free(t->words);
	t->words = NULL;
}

void tunnel_worker_init(struct tunnel_worker *tw)
{
	memset(tw, 0, sizeof(*tw));
	for (uint16_t i = 0; i < TUNNEL_HOLD_WORKER; i++)
		tw->holds[i].next = i + 1u < TUNNEL_HOLD_WORKER ? i + 1u : TUNNEL_HOLD_NONE;
	tw->released = tw->early = (struct tunnel_list){TUNNEL_HOLD_NONE, TUNNEL_HOLD_NONE};
}

void tunnel_worker_fini(struct tunnel_worker *tw)
{
	for (unsigned i = 0; i < TUNNEL_HOLD_WORKER; i++)
		rte_pktmbuf_free(tw->holds[i].m);
}

// ---- held packets ----------------------------------------------------------------------------

static struct handle handle_of(const struct worker *w, uint32_t index)
{
	const struct tunnel *t = chunks_at(&w->dp->tunnels->tunnels, index);

	return (struct handle){.index = index, .generation = t->generation};
}

static void acquire(struct worker *w, struct tunnel *t, struct handle h)
{
	struct dp_event event = {.kind = DP_EVENT_ACQUIRE, .tunnel = h};

	if (t->acquiring && w->now - t->asked < TUNNEL_ASK_AGAIN) // however long ago
		return;
	t->asked = w->now;
	t->acquiring = worker_event(w, &event);
	if (!t->acquiring)
		w->esp->tunnels.acquire_late = true;
}

// Keeps the packet in a hold that is free; TUNNEL_HOLD_NONE: none is.
static uint16_t hold_take(struct worker *w, struct rte_mbuf *m)
{
	struct tunnel_worker *tw = &w->esp->tunnels;
	uint16_t i = tw->free;

	if (i == TUNNEL_HOLD_NONE)
		return i;
	tw->free = tw->holds[i].next;
	tw->holds[i] = (struct tunnel_hold){.m = m,
	                                    .tunnel = packet_of(m)->tunnel.index,
	                                    .since = w->now,
	                                    .next = TUNNEL_HOLD_NONE};
	tw->held++;
	return i;
}

void tunnel_hold(struct worker *w, struct tunnel *t, struct rte_mbuf *m)
{
	struct tunnel_worker *tw = &w->esp->tunnels;
	struct handle h = packet_of(m)->tunnel;
	uint16_t i = t->held < TUNNEL_HOLD_FLOW ? hold_take(w, m) : TUNNEL_HOLD_NONE;

	if (i == TUNNEL_HOLD_NONE) {
		worker_drop(w, m, DROP_TUNNEL_HOLD_FULL);
		acquire(w, t, h);
		return;
	}
	if (t->held == 0)
		t->head = i;
	else
		tw->holds[t->tail].next = i;
	t->tail = i;
	t->held++;
	acquire(w, t, h);
}

static struct rte_mbuf *hold_free(struct tunnel_worker *tw, uint16_t i)
{
	struct rte_mbuf *m = tw->holds[i].m;

	tw->holds[i].m = NULL;
	tw->holds[i].next = tw->free;
	tw->free = i;
	tw->held--;
	return m;
}

static void drop_held(struct worker *w, struct tunnel *t, enum counter reason)
{
	struct tunnel_worker *tw = &w->esp->tunnels;

	for (; t->held; t->held--) {
		uint16_t i = t->head;

		t->head = tw->holds[i].next;
		worker_drop(w, hold_free(tw, i), reason);
	}
}

// The holds of one list move to the end of another.
static void append(struct tunnel_worker *tw, struct tunnel_list *to, struct tunnel_list from)
{
	if (from.first == TUNNEL_HOLD_NONE)
		return;
	if (to->first == TUNNEL_HOLD_NONE)
		to->first = from.first;
	else
		tw->holds[to->last].next = from.first;
	tw->holds[from.last].next = TUNNEL_HOLD_NONE;
	to->last = from.last;
}

// What is held for the flow may go.
static void release_held(struct worker *w, struct tunnel *t)
{
	struct tunnel_worker *tw = &w->esp->tunnels;

	if (t->held)
		append(tw, &tw->released, (struct tunnel_list){t->head, t->tail});
	t->held = 0;
}

void tunnel_early(struct worker *w, struct rte_mbuf *m)
{
	struct tunnel_worker *tw = &w->esp->tunnels;
	uint16_t i = hold_take(w, m);

	if (i == TUNNEL_HOLD_NONE)
		worker_drop(w, m, DROP_TUNNEL_HOLD_FULL);
	else
		append(tw, &tw->early, (struct tunnel_list){i, i});
}

// Before what a flow has held since: those are older. A list of its own until here, or what is
// early once more would come round in one turn for ever, and the message never be read.
void tunnel_try_early(struct worker *w)
{
	struct tunnel_worker *tw = &w->esp->tunnels;
	struct tunnel_list released = tw->released;

	tw->released = tw->early;
	tw->early = (struct tunnel_list){TUNNEL_HOLD_NONE, TUNNEL_HOLD_NONE};
	append(tw, &tw->released, released);
}

uint16_t tunnel_released(struct worker *w, struct rte_mbuf **pkts, uint16_t max)
{
	struct tunnel_worker *tw = &w->esp->tunnels;
	uint16_t n = 0;

	while (n < max && tw->released.first != TUNNEL_HOLD_NONE) {
		uint16_t i = tw->released.first;

		tw->released.first = tw->holds[i].next;
		pkts[n++] = hold_free(tw, i);
	}
	return n;
}

// ---- doubt -----------------------------------------------------------------------------------

// The newest sign of life that this worker can see: the SA's making, ESP on the pair's inbound SA,
// what control has heard.
static tick_t newest_life(const struct dp *dp, const struct tunnel *t)
{
	const struct activity *a = &dp->sas->activity[t->pair.index];
	tick_t newest = t->since, when;

	if (!handle_is_null(t->pair) && activity_load(&a->generation) == t->pair.generation &&
	    activity_read(&a->last_in, &when))
		newest = tick_max(newest, when);
	if (activity_read(&dp->peers[t->peer].heard, &when))
		newest = tick_max(newest, when);
	return newest;
}

void tunnel_doubt(struct worker *w, struct tunnel *t, struct handle h)
{
	struct dp_event event = {.kind = DP_EVENT_DOUBT, .tunnel = h};
	const struct dp *dp = w->dp;
	uint32_t after;
	tick_t due;

	if (t->peer >= dp->limits.max_peers)
		return;
	after = activity_load(&dp->peers[t->peer].doubt_after);
	// Signs of life only get newer, so it need not be asked before; but control may change
	// doubt_after.
	due = after ? newest_life(dp, t) + after : w->now + DOUBT_RECHECK;
	if (tick_diff(w->now, due) < 0) {
		t->sa->doubt_from =
			tick_before(due, w->now + DOUBT_RECHECK) ? due : w->now + DOUBT_RECHECK;
		return;
	}
	if (activity_load(&dp->tunnels->words[h.index].doubt_ack) == t->doubt_seq &&
	    worker_event(w, &event))
		t->doubt_seq++;
}

// ---- messages --------------------------------------------------------------------------------

// A message that was sent to this use of the slot, else NULL.
static struct tunnel *addressed(struct worker *w, const struct message *msg)
{
	struct tunnel *t = chunks_at(&w->dp->tunnels->tunnels, msg->tunnel.index);

	return t && t->generation == msg->tunnel.generation ? t : NULL;
}

// The flow has no SA any more, or another one.
static void leave_sa(const struct worker *w, struct tunnel *t)
{
	tick_t when, last;

	if (t->sa) {
		t->sa->current = 0;
		if (activity_read(&t->sa->last_out, &when)) {
			if (activity_read(&t->last_out, &last))
				when = activity_later(w->now, when, last);
			activity_store(&t->last_out, activity_from_tick(when));
		}
	}
	t->out_sa = t->pair = (struct handle){0};
	t->sa = NULL;
}

void tunnel_on_add(struct worker *w, const struct message *msg)
{
	struct tunnel *t = chunks_at(&w->dp->tunnels->tunnels, msg->tunnel.index);

	drop_held(w, t, DROP_TUNNEL_REFUSED); // only if the slot's TUNNEL_DEL was lost
	leave_sa(w, t);
	t->peer = msg->word;
	t->doubt_seq = 0;
	t->acquiring = false;
	activity_store(&t->last_out, 0);
	// Release: whoever sees the new generation sees no last_out of the old one.
	__atomic_store_n(&t->generation, msg->tunnel.generation, __ATOMIC_RELEASE);
}

void tunnel_on_del(struct worker *w, const struct message *msg)
{
	struct tunnel *t = addressed(w, msg);

	if (!t)
		return;
	drop_held(w, t, DROP_TUNNEL_REFUSED);
	leave_sa(w, t);
	activity_store(&t->generation, 0);
}

void tunnel_on_use(struct worker *w, const struct message *msg)
{
	struct tunnel *t = addressed(w, msg);
	struct sa *sa;

	if (!t)
		return;
	leave_sa(w, t);
	t->acquiring = false;
	if (handle_is_null(msg->sa))
		return;
	sa = sa_table_at(w->dp->sas, msg->sa.index);
	sa->current = sa->generation;
	t->out_sa = msg->sa;
	t->sa = sa;
	t->pair = sa->pair;
	// Of one that it goes back to the making was no newer sign of life.
	if (!(sa->flags & SA_USED))
		t->since = sa->doubt_from;
	sa->flags |= SA_USED;
	dummy_arm(w, sa);
	release_held(w, t);
}

void tunnel_on_refuse(struct worker *w, const struct message *msg)
{
	struct tunnel *t = addressed(w, msg);

	if (!t)
		return;
	t->acquiring = false;
	drop_held(w, t, DROP_TUNNEL_REFUSED);
}

void tunnel_on_peer(struct worker *w, const struct message *msg)
{
	struct tunnel *t = addressed(w, msg);

	if (!t)
		return;
	t->peer = msg->word;
	if (t->sa)
		t->sa->doubt_from = t->since;
}

void tunnel_forget_sa(struct worker *w, struct handle tunnel, struct handle sa)
{
	struct tunnel *t = chunks_at(&w->dp->tunnels->tunnels, tunnel.index);

	if (!t || t->generation != tunnel.generation || !handle_equal(t->out_sa, sa))
		return;
	leave_sa(w, t);
	t->acquiring = false;
}

// ---- once a tick -----------------------------------------------------------------------------

// Drops the packets at the head of a flow's list that are too old; the list is in order of age.
static void drop_old(struct worker *w, struct tunnel *t)
{
	struct tunnel_worker *tw = &w->esp->tunnels;

	while (t->held &&
	       tick_diff(w->now, tw->holds[t->head].since) > (int32_t)TUNNEL_HOLD_TICKS) {
		uint16_t i = t->head;

		t->head = tw->holds[i].next;
		t->held--;
		worker_drop(w, hold_free(tw, i), DROP_TUNNEL_TIMEOUT);
	}
}

void tunnel_tick(struct worker *w)
{
	struct tunnel_worker *tw = &w->esp->tunnels;
	bool late = tw->acquire_late;

	if (!late && (!tw->held || w->now - tw->swept < TICKS_PER_SECOND))
		return;
	tw->acquire_late = false;
	tw->swept = w->now;
	for (unsigned i = 0; i < TUNNEL_HOLD_WORKER; i++) {
		struct tunnel *t;

		if (!tw->holds[i].m)
			continue;
		t = chunks_at(&w->dp->tunnels->tunnels, tw->holds[i].tunnel);
		if (late && t->held)
			acquire(w, t, handle_of(w, tw->holds[i].tunnel));
		drop_old(w, t);
	}
}
