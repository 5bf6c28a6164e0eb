// The end of a peer, in phases, so that a dead peer costs the workers a message for each SA, nobody
// waits, and no turn is long however many children a peer has. Control core only.
//
//   1. teardown_by_dpd / teardown_peer: out of the tables, timers cancelled, Delete sent. IKE SAs
//      stay visible as deleted. Its first children go at once, a delete of each SA to its worker.
//   2. teardown_step: some more of its children and flows in each turn.
//   3. teardown_bury: the last DP_EVENT_SA_GONE has come; IKE keys are wiped, the caller frees.
//
// The debug lines of a death come in the order that network engineers know from IOS.
#include "teardown.h"

#include "bounds.h"
#include "child.h"
#include "child_ends.h"
#include "control.h"
#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "peer.h"
#include "peer_timers.h"

// Some of a peer's children and waiting flows, which end at a time.
struct lot {
	struct handle flows[ENDS_AT_A_TIME]; // that lose a dead peer: they go on to the next one
	unsigned n;
};

static bool has_more(const struct peer *p)
{
	return p->waiting || p->children;
}

static void lose(struct lot *lot, struct flow *f)
{
	if (f->losing_peer)
		return;
	f->losing_peer = true;
	lot->flows[lot->n++] = f->tunnel;
}

static void end_waiting(struct control *c, struct peer *p, struct lot *lot)
{
	struct flow *f = p->waiting;

	flow_unwait(f);
	if (p->dead_by_dpd) {
		lose(lot, f);
	} else if (!f->child) { // else it goes with the child
		f->peer = NULL;
		flow_refuse(c, f);
	}
}

// None of a peer's is told of by itself: thousands of Deletes would fill the way out, and the last
// message of all, the IKE SA's own, would be lost.
static void end_child(struct control *c, struct peer *p, struct child *ch, struct lot *lot)
{
	if (p->dead_by_dpd && ch->flow) {
		lose(lot, ch->flow);
		flow_lost_peer(c, ch->flow, p);
	}
	child_delete(c, ch, false, p->dead_by_dpd ? "peers alive" : "the peer is torn down");
}

static void end_some(struct control *c, struct peer *p, struct lot *lot)
{
	for (unsigned i = lot->n; i < ENDS_AT_A_TIME && has_more(p); i++) // with end_negotiations()
		if (p->waiting)
			end_waiting(c, p, lot);
		else
			end_child(c, p, p->children, lot);
}

// The flows of a dead peer go on; some may be gone, or come up by themselves.
static void go_on(struct control *c, struct peer *p, const struct lot *lot)
{
	for (unsigned i = 0; i < lot->n; i++) {
		struct flow *f = flow_of(c, lot->flows[i]);

		if (f)
			flow_next_peer(c, f, p, true);
	}
}

// What is being negotiated ends before its IKE SA, whose end would be its failure. Their number is
// bounded.
static void end_negotiations(struct control *c, struct peer *p, struct lot *lot)
{
	struct ike_sa *sa;
	struct child *ch;

	for (sa = p->ike_sas; sa; sa = sa->next)
		while ((ch = exchange_negotiated(sa))) {
			if (lot->n == ENDS_AT_A_TIME) {
				go_on(c, p, lot);
				lot->n = 0;
			}
			end_child(c, p, ch, lot);
		}
}

// IKE SAs leave the tables but stay visible until the peer is buried; those that never got up go.
static void retire_ike_sas(struct control *c, struct peer *p, bool notify)
{
	struct ike_sa *sa, *next;

	for (sa = p->ike_sas; sa; sa = next) {
		next = sa->next;
		if (notify && ike_sa_is_established(sa))
			ike1_delete_sa(c, sa);
		peer_timers_stop_ike(c, sa);
		if (ike_sa_is_established(sa))
			ike_sa_retire(c, sa);
		else
			ike_sa_destroy(c, sa);
	}
}

static void end_rest_later(struct control *c, struct peer *p)
{
	struct peer *last = c->ending.last ? slab_at(&c->peers, c->ending.last - 1) : NULL;

	p->by_port.next = 0;
	*(last ? &last->by_port.next : &c->ending.first) = p->slab.index + 1;
	c->ending.last = p->slab.index + 1;
}

// Of the first of these. True: there is more.
static bool end_rest(struct control *c)
{
	struct peer *p = c->ending.first ? slab_at(&c->peers, c->ending.first - 1) : NULL;
	struct lot lot;

	if (!p)
		return false;
	lot.n = 0;
	end_some(c, p, &lot);
	go_on(c, p, &lot);
	if (!has_more(p)) {
		c->ending.first = p->by_port.next;
		if (!c->ending.first)
			c->ending.last = 0;
		p->sas_pending--;
		peer_sas_gone(c, p);
	}
	return c->ending.first;
}

bool teardown_step(struct control *c)
{
	bool more = end_rest(c);

	return child_ends_step(c) || more;
}

// What of a peer ends first has gone, and its IKE SAs.
static void after_first(struct control *c, struct peer *p, const struct lot *lot)
{
	go_on(c, p, lot);
	if (has_more(p)) {
		end_rest_later(c, p);
		return;
	}
	p->sas_pending--;
	peer_sas_gone(c, p);
}

void teardown_by_dpd(struct control *c, struct peer *p)
{
	struct ike_sa *sa = peer_ike_sa(p);
	struct lot lot = {.n = 0};

	c->counters.deaths++;
	ike_debug_not_responding(c, p, sa);
	peer_timers_stop(c, p);
	peer_set_state(c, p, PEER_ENDING);
	p->dead_by_dpd = true;
	p->sas_pending++; // held until after_first(), or the last teardown_step()
	if (sa)
		ike_debug_deleting(c, sa, "peers alive");
	if (p->children) {
		p->last_spi = p->children->spi_in;
		ike_debug_children_gone(c, p);
	}
	end_negotiations(c, p, &lot);
	end_some(c, p, &lot);
	if (sa)
		ike1_delete_sa(c, sa);
	ike_debug_dest_sa(c, p, sa);
	retire_ike_sas(c, p, false);
	after_first(c, p, &lot);
}

void teardown_peer(struct control *c, struct peer *p)
{
	struct ike_sa *sa = peer_ike_sa(p);
	struct lot lot = {.n = 0};

	if (p->state == PEER_ENDING)
		return;
	peer_timers_stop(c, p);
	if (sa)
		ike1_delete_children(c, sa);
	peer_set_state(c, p, PEER_ENDING);
	p->sas_pending++;
	end_negotiations(c, p, &lot);
	end_some(c, p, &lot);
	retire_ike_sas(c, p, true);
	after_first(c, p, &lot);
}

void teardown_bury(struct control *c, struct peer *p)
{
	tick_t took = c->now - p->since;

	c->counters.teardowns++;
	c->counters.teardown_ticks += took;
	if (took > c->counters.longest_teardown_ticks)
		c->counters.longest_teardown_ticks = took;
	if (p->last_spi)
		ike_debug_released(c, p, p->last_spi);
	while (p->ike_sas) {
		ike_debug_last_pass(c, p->ike_sas);
		ike_sa_destroy(c, p->ike_sas);
	}
}
