// `clear ...` on the control core. `clear crypto` ends what matches, one object a step, with Delete
// payloads to the peers and no failover. Must not walk all peers in one turn: request.c bounds it.
#include <string.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "counters.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "neighbour.h"
#include "peer.h"
#include "peer_timers.h"
#include "request.h"
#include "teardown.h"

static bool matches(const struct request_filter *f, const struct peer *p)
{
	return (!f->local.family || addr_equal(&f->local, &p->local)) &&
	       (!f->remote.family || addr_equal(&f->remote, &p->remote)) &&
	       (!f->local_port || f->local_port == p->local_port) &&
	       (!f->remote_port || f->remote_port == p->remote_port);
}

// Made after the order was given, perhaps in place of what it ended: one of the numbers since.
// Numbers may wrap, and what is to be cleared may be older than any count of them.
static bool is_younger(uint32_t id, uint32_t first_new, uint32_t next)
{
	return id - first_new < next - first_new;
}

static unsigned clear_session(struct control *c, struct request *r)
{
	struct peer *p;

	if (r->cursor.index >= c->peers.made)
		return 0;
	if (!r->cursor.index)
		r->cursor.generation = c->peers.next_generation;
	p = slab_at(&c->peers, r->cursor.index++);
	if (!p || p->state == PEER_ENDING || !matches(&r->filter, p) ||
	    is_younger(p->slab.generation, r->cursor.generation, c->peers.next_generation))
		return 1;
	teardown_peer(c, p);
	r->count++;
	return REQUEST_TEARDOWN;
}

static unsigned clear_child(struct control *c, struct request *r)
{
	struct child *ch;
	struct peer *p;

	if (r->cursor.index >= c->children.made)
		return 0;
	if (!r->cursor.index)
		r->cursor.generation = c->next_conn_id;
	ch = slab_at(&c->children, r->cursor.index++);
	if (!ch || ch->state == CHILD_GONE || ch->state == CHILD_NEGOTIATING ||
	    !matches(&r->filter, ch->peer) ||
	    is_younger(ch->conn_id, r->cursor.generation, c->next_conn_id))
		return 1;
	if (r->filter.map[0] && (!ch->flow || strcmp(r->filter.map, ch->flow->entry->map_name)))
		return 1;
	p = ch->peer;
	child_delete(c, ch, true, "cleared");
	peer_release(c, p);
	r->count++;
	return REQUEST_TEARDOWN;
}

// Children stay, as in IOS, and are renewed on the next IKE SA.
static unsigned clear_ike(struct control *c, struct request *r)
{
	struct ike_sa *sa;

	if (r->cursor.index >= c->ike_sas.made)
		return 0;
	sa = slab_at(&c->ike_sas, r->cursor.index++);
	if (!sa || sa->state == IKE_DEST_SA || !matches(&r->filter, sa->peer) ||
	    (r->filter.conn_id && r->filter.conn_id != sa->conn_id))
		return 1;
	r->count++;
	if (ike_sa_is_established(sa)) {
		on_ike_cleared(c, sa);
	} else {
		on_ike_failed(c, sa, "cleared");
	}
	return REQUEST_TEARDOWN;
}

// Interfaces first, then workers, then the control core.
static unsigned clear_counters(struct control *c, struct request *r)
{
	uint32_t i = r->cursor.index++;

	if (i < c->n_ports) {
		if (!r->filter.iface[0] || strcmp(r->filter.iface, c->ports[i]) == 0) {
			counters_clear_interface(c, (uint16_t)i);
			r->count++;
		}
		return REQUEST_ITEM;
	}
	i -= c->n_ports;
	if (r->filter.iface[0] || i > dp_workers(c->dp))
		return 0;
	if (i < dp_workers(c->dp))
		counters_clear_worker(c, i);
	else
		counters_clear_control(c);
	return REQUEST_ITEM;
}

static void take_off(struct control *c, struct handle sa, uint64_t *packets, uint64_t *drops)
{
	struct dp_sa_stats s;

	dp_sa_stats(c->dp, sa, &s);
	*packets -= s.packets;
	*drops -= s.auth_failed + s.replayed + s.bad_selector + s.other_drops;
}

// The totals of a flow, which then owes what its SAs have carried. The SAs' own counters stay:
// lifetimes go by them.
static unsigned clear_traffic(struct control *c, struct request *r)
{
	uint32_t i = r->cursor.index++;
	unsigned cost = REQUEST_ITEM;
	struct flow_totals t = {0};
	const struct child *ch;
	struct flow *f;

	if (i >= c->max_tunnels)
		return 0;
	f = c->flow_of_tunnel[i];
	if (!f)
		return 1;
	for (ch = f->children; ch; ch = ch->next_of_flow) {
		if (ch->state == CHILD_NEGOTIATING)
			continue;
		take_off(c, ch->in, &t.in_packets, &t.in_drops);
		take_off(c, ch->out, &t.out_packets, &t.out_drops);
		cost += REQUEST_ITEM;
	}
	flow_set_ended(f, &t);
	return cost;
}

static unsigned clear_arp(struct control *c, struct request *r)
{
	if (r->cursor.index++)
		return 0;
	neighbour_refresh(c);
	return REQUEST_STEPS;
}

unsigned clear_step(struct control *c, struct request *r)
{
	switch (r->kind) {
	case REQUEST_CLEAR_SESSIONS:
		return clear_session(c, r);
	case REQUEST_CLEAR_SAS:
		return clear_child(c, r);
	case REQUEST_CLEAR_IKE:
		return clear_ike(c, r);
	case REQUEST_CLEAR_COUNTERS:
		return clear_counters(c, r);
	case REQUEST_CLEAR_TRAFFIC:
		return clear_traffic(c, r);
	case REQUEST_CLEAR_ARP:
		return clear_arp(c, r);
	default:
		return 0;
	}
}
