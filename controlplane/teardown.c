// The end of a peer, in two phases, so that a dead peer costs the workers a message for each SA and
// nobody waits. Control core only.
//
//   1. teardown_dead_peer / teardown_peer: out of the tables, timers cancelled, Delete sent,
//      a delete of each SA to its worker. IKE SAs stay visible as deleted.
//   2. teardown_bury: the last DP_EVENT_SA_GONE has come; IKE keys are wiped, the caller frees.
//
// The debug lines of a death come in the order that network engineers know from IOS.
#include "teardown.h"

#include <stdlib.h>

#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "peer.h"
#include "peer_timers.h"

// The flows that lose this peer: those that wait for it and those of its children, each once.
// NULL: no memory; then each asks again with its next packet.
static struct handle *collect_flows(const struct peer *p, unsigned *n)
{
	struct handle *tunnels;
	const struct child *ch;
	struct flow *f;
	size_t most = 0;

	*n = 0;
	for (f = p->waiting; f; f = f->next_waiting)
		most++;
	for (ch = p->children; ch; ch = ch->next)
		most++;
	tunnels = calloc(most ? most : 1, sizeof(*tunnels));
	if (!tunnels)
		return NULL;
	for (f = p->waiting; f; f = f->next_waiting) {
		f->losing_peer = true;
		tunnels[(*n)++] = f->tunnel;
	}
	for (ch = p->children; ch; ch = ch->next) {
		if (!ch->flow || ch->flow->losing_peer)
			continue;
		ch->flow->losing_peer = true;
		tunnels[(*n)++] = ch->flow->tunnel;
	}
	return tunnels;
}

// Told of one by one, thousands of children would fill the way out, and the last message of all,
// the IKE SA's own Delete, would be lost.
static void delete_children(struct control *c, struct peer *p, bool notify, const char *why)
{
	struct ike_sa *sa = peer_ike_sa(p);

	if (notify && sa)
		ike1_delete_children(c, sa);
	while (p->children)
		child_delete(c, p->children, false, why);
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

static void wait_or_bury(struct control *c, struct peer *p)
{
	if (p->sas_pending)
		return; // child_sa_gone() goes on
	teardown_bury(c, p);
	peer_release(c, p);
}

void teardown_dead_peer(struct control *c, struct peer *p)
{
	unsigned n;
	struct handle *tunnels = collect_flows(p, &n);
	struct ike_sa *sa = peer_ike_sa(p);
	struct flow *f, *waiting;

	c->counters.deaths++;
	ike_debug_not_responding(c, p, sa);
	waiting = flow_unwait_all(p);
	while ((f = waiting)) {
		waiting = f->next_waiting;
		f->next_waiting = NULL;
		if (!tunnels && !f->child) {
			f->peer = NULL;
			flow_refuse(c, f);
		}
	}
	peer_timers_stop(c, p);
	peer_set_state(c, p, PEER_DEAD);
	if (sa)
		ike_debug_deleting(c, sa, "peers alive");
	if (p->children) {
		p->last_spi = p->children->spi_in;
		ike_debug_children_gone(c, p);
	}
	delete_children(c, p, false, "peers alive");
	if (sa)
		ike1_delete_sa(c, sa);
	ike_debug_dest_sa(c, p, sa);
	retire_ike_sas(c, p, false);
	p->sas_pending++; // stays while its flows go on: that may take its last slot over
	for (unsigned i = 0; i < n; i++) {
		f = flow_of(c, tunnels[i]);
		if (f)
			flow_next_peer(c, f, p, true);
	}
	free(tunnels);
	p->sas_pending--;
	wait_or_bury(c, p);
}

void teardown_peer(struct control *c, struct peer *p, const char *why)
{
	struct flow *f;

	if (p->state == PEER_DEAD)
		return;
	peer_timers_stop(c, p);
	while ((f = p->waiting)) {
		flow_unwait(f);
		if (f->child)
			continue; // it goes with the child
		f->peer = NULL;
		flow_refuse(c, f);
	}
	delete_children(c, p, true, why);
	peer_set_state(c, p, PEER_DEAD);
	retire_ike_sas(c, p, true);
	wait_or_bury(c, p);
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
