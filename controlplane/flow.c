// Flows and the crypto map entries that they belong to: which peer is tried, and what happens when
// it fails. Control core only. Making and removing them from a configuration is entry.c's and
// entry_lines.c's business.
#include "flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "child.h"
#include "control.h"
#include "entry_peers.h"
#include "flow_table.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "node.h"
#include "peer.h"
#include "peer_timers.h"

// A packet that asks again this soon after a failure is refused without a new attempt.
#define FAILURE_PAUSE TICKS_PER_SECOND

struct flow *flow_of(const struct control *c, struct handle tunnel)
{
	struct flow *f = tunnel.index < c->max_tunnels ? c->flow_of_tunnel[tunnel.index] : NULL;

	return f && handle_equal(f->tunnel, tunnel) ? f : NULL;
}

void flow_set_ended(struct flow *f, const struct flow_totals *t)
{
	if (!t->in_packets && !t->in_drops && !t->out_packets && !t->out_drops) {
		free(f->ended);
		f->ended = NULL;
		return;
	}
	if (!f->ended)
		f->ended = malloc(sizeof(*f->ended));
	if (f->ended)
		*f->ended = *t;
}

static void flow_set_peer(struct control *c, struct flow *f, struct peer *p)
{
	f->peer = p;
	dp_tunnel_set_peer(c->dp, f->tunnel, p ? p->slab.index : DP_NO_PEER);
}

void flow_unwait(struct flow *f)
{
	struct flow *next = f->next_waiting, *prev = f->prev_waiting;
	struct peer *p = f->peer;

	if (!f->waiting)
		return;
	if (p->waiting == f)
		p->waiting = next;
	else
		prev->next_waiting = next;
	if (next)
		next->prev_waiting = prev;
	else if (p->waiting)
		p->waiting->prev_waiting = prev;
	f->next_waiting = f->prev_waiting = NULL;
	f->waiting = false;
}

struct flow *flow_unwait_all(struct peer *p)
{
	struct flow *list = p->waiting, *f;

	p->waiting = NULL;
	for (f = list; f; f = f->next_waiting) {
		f->prev_waiting = NULL;
		f->waiting = false;
	}
	return list;
}

// Behind those that wait already: one that fails again and again must not keep others waiting.
static void flow_wait(struct flow *f)
{
	struct flow *first = f->peer->waiting;

	if (f->waiting)
		return;
	f->next_waiting = NULL;
	f->prev_waiting = first ? first->prev_waiting : f;
	if (first)
		first->prev_waiting = first->prev_waiting->next_waiting = f;
	else
		f->peer->waiting = f;
	f->waiting = true;
}

// It is the flow's turn.
static void negotiate(struct control *c, struct flow *f)
{
	struct ike_sa *sa = peer_ike_sa(f->peer);
	struct child *ch;

	if (!sa || !peer_takes_quick_mode(f->peer) || node_is_full(c, sa)) {
		flow_wait(f);
		if (!sa)
			on_tunnel_wanted(c, f->peer);
		else if (peer_takes_quick_mode(f->peer))
			on_quick_mode_ended(c, f->peer);
		return;
	}
	// It may have moved since the flow began to wait for it.
	if (!flow_entry_lists(f->entry, &f->peer->local, &f->peer->remote)) {
		flow_refuse(c, f);
		return;
	}
	if (!child_is_admitted(c, f)) {
		c->counters.admissions_refused++;
		flow_refuse(c, f);
		return;
	}
	ch = child_create(c, f->peer, f, true);
	if (!ch) {
		log_msg(&c->log, LOG_ERROR, "IPSEC", "NO_SA", "No free SA for a new tunnel");
		flow_refuse(c, f);
		return;
	}
	if (ike1_quick_initiate(c, sa, ch) < 0)
		child_failed(c, ch, "quick mode could not be started");
}

void flow_negotiate(struct control *c, struct flow *f)
{
	// One that has just failed does not take its own place again, ahead of those that wait.
	if (peer_ike_sa(f->peer) && f->peer->waiting) {
		flow_wait(f);
		on_quick_mode_ended(c, f->peer);
	} else {
		negotiate(c, f);
	}
}

void flow_start_waiting(struct control *c, struct peer *p)
{
	const struct ike_sa *sa = peer_ike_sa(p);
	unsigned n = sa && node_is_full(c, sa) ? 0 : QUICK_MODES_OURS;
	struct flow *f;

	for (; n && peer_takes_quick_mode(p); n--) {
		f = p->waiting;
		if (!f)
			return;
		flow_unwait(f);
		negotiate(c, f);
	}
	if (peer_takes_quick_mode(p)) // they have failed at once
		on_quick_mode_ended(c, p);
}

void flow_refuse(struct control *c, struct flow *f)
{
	struct peer *p = f->peer;

	f->failed_once = true;
	f->failed_at = c->now;
	f->entry->tried = 0;
	if (f->child) { // a rekey failed: the old one still carries the traffic
		on_child_rekey_failed(c, f->child);
		return;
	}
	flow_unwait(f);
	f->state = FLOW_IDLE;
	flow_set_peer(c, f, NULL);
	dp_tunnel_refuse(c->dp, f->tunnel);
	flow_release(c, f);
	if (p)
		peer_release(c, p);
}

// A quick mode for this flow that is under way, NULL: none.
static struct child *flow_negotiation(const struct flow *f)
{
	struct child *ch;

	for (ch = f->children; ch; ch = ch->next_of_flow)
		if (ch->state == CHILD_NEGOTIATING)
			return ch;
	return NULL;
}

// Something else will bring the flow up, or it is up. Then its peer is that one's.
static bool flow_goes_on(struct control *c, struct flow *f)
{
	struct child *ch;

	if (f->child || f->waiting)
		return true;
	ch = flow_negotiation(f);
	if (ch && f->state == FLOW_WANTED && f->peer != ch->peer)
		flow_set_peer(c, f, ch->peer);
	return ch;
}

void flow_settle(struct control *c, struct flow *f)
{
	if (f->state == FLOW_WANTED && !f->losing_peer && !flow_goes_on(c, f))
		flow_refuse(c, f);
	else
		flow_release(c, f);
}

// The entry's current peer. The one that is there, whatever port it is behind: at its own address
// it may not be reached, or may be another behind the same NAT.
static struct peer *entry_peer(struct control *c, const struct crypto_entry *e)
{
	const struct ip_addr *remote = &e->peers[e->current];
	struct ip_addr local = flow_local(e, remote);
	struct peer *p = slab_get(&c->peers, e->up);

	if (p && p->state == PEER_UP && peer_ike_sa(p) && addr_equal(&p->remote, remote) &&
	    addr_equal(&p->local, &local))
		return p;
	return peer_get(c, &local, remote, IKE_PORT);
}

void flow_acquire(struct control *c, struct flow *f)
{
	struct crypto_entry *e = f->entry;
	struct child *ch;
	struct peer *p;

	if (f->state == FLOW_WANTED)
		return;
	if (f->state == FLOW_UP && f->child && f->child->state == CHILD_LIVE) {
		dp_tunnel_use(c->dp, f->tunnel, f->child->out);
		return;
	}
	if (f->state == FLOW_UP)
		return; // its activation is due in a moment
	if (c->stopping || !e->complete || e->is_manual || !e->n_peers ||
	    (f->failed_once && c->now - f->failed_at < FAILURE_PAUSE)) { // however long ago
		dp_tunnel_refuse(c->dp, f->tunnel);
		return;
	}
	ch = flow_negotiation(f);
	if (ch && ch->initiator) { // a successor whose predecessor has ended
		f->state = FLOW_WANTED;
		flow_set_peer(c, f, ch->peer);
		return;
	}
	p = entry_peer(c, e);
	if (!p) {
		log_msg(&c->log, LOG_ERROR, "CRYPTO", "NO_PEER", "Peer table is full");
		flow_refuse(c, f);
		return;
	}
	f->state = FLOW_WANTED;
	flow_set_peer(c, f, p);
	flow_negotiate(c, f);
}

// On to the next peer, unless another flow of the entry has already moved it on. With a default
// peer a fresh search begins there (`set peer X default`).
static void entry_advance(struct crypto_entry *e, const struct peer *failed)
{
	if (!addr_equal(&e->peers[e->current], &failed->remote))
		return;
	if (e->default_peer >= 0 && e->tried == 0 && e->current != (unsigned)e->default_peer)
		e->current = (unsigned)e->default_peer;
	else
		e->current = (e->current + 1) % e->n_peers;
	e->tried++;
}

static void entry_fails_over(struct control *c, struct crypto_entry *e, const struct peer *failed)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];

	entry_advance(e, failed);
	if (e->n_peers == 1)
		return;
	c->counters.failovers++;
	log_msg(&c->log, LOG_NOTICE, "CRYPTO", "FAILOVER",
	        "Crypto map %s %u: from peer %s on to peer %s", e->map_name, e->sequence,
	        addr_format(&failed->remote, from), addr_format(&e->peers[e->current], to));
}

// Traffic went out within the peer's keepalive interval (or ten seconds without one).
static bool flow_is_busy(const struct control *c, const struct flow *f, const struct peer *p)
{
	tick_t within = p->dpd_config.enabled ? p->dpd_config.interval : ticks_from_seconds(10);
	tick_t last;

	// A worker's clock may be a little ahead of ours; and a stamp of long ago is none of now.
	return dp_tunnel_last_out(c->dp, f->tunnel, &last) &&
	       c->now + TICKS_PER_SECOND - last < TICKS_PER_SECOND + within;
}

void flow_next_peer(struct control *c, struct flow *f, struct peer *failed, bool at_once)
{
	struct crypto_entry *e = f->entry;
	bool exhausted;

	f->losing_peer = false;
	if (flow_goes_on(c, f))
		return;
	if (f->instance != FLOW_LINE || !e->n_peers) {
		flow_refuse(c, f);
		return;
	}
	entry_fails_over(c, e, failed);
	exhausted = !at_once || e->tried > e->n_peers;
	if (exhausted || !flow_is_busy(c, f, failed)) {
		flow_refuse(c, f);
		f->failed_once = exhausted;
		return;
	}
	f->state = FLOW_IDLE;
	f->failed_once = false;
	flow_set_peer(c, f, NULL);
	peer_release(c, failed);
	flow_acquire(c, f);
}

void flow_lost_peer(struct control *c, const struct flow *f, const struct peer *dead)
{
	struct crypto_entry *e = f->entry;

	if (f->instance == FLOW_LINE || e->n_peers < 2 ||
	    !addr_equal(&e->peers[e->current], &dead->remote))
		return;
	entry_fails_over(c, e, dead);
	e->tried = 0; // nothing was tried: the next packet begins
}

void flow_again(struct control *c, struct flow *f, struct peer *p)
{
	if (f->state != FLOW_WANTED) {
		flow_release(c, f);
	} else if (!flow_goes_on(c, f)) {
		flow_set_peer(c, f, p);
		flow_negotiate(c, f);
	}
}

// The entry's current peer is this one from now on.
static void entry_prefer(struct crypto_entry *e, const struct peer *p)
{
	e->up = slab_handle(p);
	for (unsigned i = 0; i < e->n_peers; i++)
		if (addr_equal(&e->peers[i], &p->remote))
			e->current = i;
}

void flow_up(struct control *c, struct flow *f, struct child *ch)
{
	struct peer *was = f->peer;

	flow_unwait(f);
	f->state = FLOW_UP;
	f->child = ch;
	f->failed_once = false;
	f->entry->tried = 0;
	dp_tunnel_doubt_ack(c->dp, f->tunnel); // a doubt of the last peer is no doubt of this one
	flow_set_peer(c, f, ch->peer);
	entry_prefer(f->entry, ch->peer);
	if (was && was != ch->peer)
		peer_release(c, was);
}

void flow_down(struct control *c, struct flow *f)
{
	f->child = NULL;
	if (f->state == FLOW_WANTED)
		return;
	flow_unwait(f);
	f->state = FLOW_IDLE;
	flow_set_peer(c, f, NULL);
	dp_tunnel_refuse(c->dp, f->tunnel); // packets that waited for its activation ask again
	c->manual_due = c->manual_due || f->entry->is_manual;
	flow_release(c, f);
}

struct ip_addr flow_local(const struct crypto_entry *e, const struct ip_addr *remote)
{
	struct ip_addr best = {0};

	for (unsigned i = 0; i < e->n_locals; i++)
		if (e->locals[i].family == remote->family &&
		    (!best.family ||
		     addr_common_bits(&e->locals[i], remote) > addr_common_bits(&best, remote)))
			best = e->locals[i];
	return best;
}

uint64_t flow_rank(const struct crypto_entry *e)
{
	return flow_place(e->sequence, e->dynamic) | (uint64_t)e->ipv6 << 32;
}

static bool is_local(const struct crypto_entry *e, const struct ip_addr *addr)
{
	for (unsigned i = 0; i < e->n_locals; i++)
		if (addr_equal(&e->locals[i], addr))
			return true;
	return false;
}

bool flow_entry_lists(const struct crypto_entry *e, const struct ip_addr *local,
                      const struct ip_addr *remote)
{
	if (!e->complete || e->is_manual || !is_local(e, local))
		return false;
	if (e->any_peer)
		return true;
	for (unsigned i = 0; i < e->n_peers; i++)
		if (addr_equal(&e->peers[i], remote))
			return true;
	return false;
}

bool flow_peer_is_named(const struct control *c, const struct ip_addr *local,
                        const struct ip_addr *remote)
{
	const struct entry_peer *p = NULL;

	while ((p = entry_peers_next(c, remote, p)))
		if (flow_entry_lists(p->entry, local, remote))
			return true;
	return false;
}

bool flow_peer_is_listed(const struct control *c, const struct ip_addr *local,
                         const struct ip_addr *remote)
{
	const struct crypto_entry *e = c->any_peer_entries;

	while (e && !flow_entry_lists(e, local, remote))
		e = e->next_any;
	return e || flow_peer_is_named(c, local, remote);
}

// A flow for a peer's proposal that lies within a line: its policy comes before the line's own.
static struct flow *flow_make_instance(struct control *c, struct crypto_entry *e, uint32_t line,
                                       const struct selector *s, const struct peer *p)
{
	static uint32_t next_instance;
	struct flow *f;

	if (!flow_table_may_propose(c, e, s, p)) {
		c->counters.shapes_refused++;
		errno = ENOSPC;
		return NULL;
	}
	f = flow_create(c, e, line, next_instance, s);
	if (!f)
		return NULL;
	next_instance = (next_instance + 1) % FLOW_LINE;
	flow_table_brought(c, f, p);
	return f;
}

static bool port_within(uint16_t port, uint16_t lo, uint16_t hi)
{
	return port ? port >= lo && port <= hi : lo == 0 && hi == UINT16_MAX;
}

static bool rule_covers(const struct dp_policy_rule *r, const struct selector *s)
{
	struct selector outer = {.local = r->local, .remote = r->remote, .proto = r->proto};

	return selector_covers(&outer, s) &&
	       port_within(s->local_port, r->local_port_lo, r->local_port_hi) &&
	       port_within(s->remote_port, r->remote_port_lo, r->remote_port_hi);
}

// Tells at a glance of most prefixes that they do not cover another one.
static bool is_elsewhere(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	return outer->len > inner->len ||
	       memcmp(outer->addr.bytes, inner->addr.bytes, outer->len / 8) != 0;
}

// Does a deny line before this one take all of it out of the entry? A walk over all of them, some
// ns for each.
static bool is_denied(const struct crypto_entry *e, uint32_t line, const struct selector *s)
{
	for (unsigned i = 0; i < e->n_denies; i++) {
		const struct dp_policy_rule *r = &e->denies[i].rule;

		if (r->line < line && !is_elsewhere(&r->remote, &s->remote) &&
		    !is_elsewhere(&r->local, &s->local) && rule_covers(r, s))
			return true;
	}
	return false;
}

// The entry's flow for a selector: its own, or that of the first line which covers it. NULL: the
// list does not permit it.
static struct flow *entry_flow(const struct control *c, const struct crypto_entry *e,
                               const struct selector *s)
{
	struct flow *f = flow_table_instance(c, e, s);

	if (!f)
		f = flow_table_line(c, e, s);
	return f && !is_denied(e, f->line, s) ? f : NULL;
}

static bool comes_before(const struct crypto_entry *a, const struct crypto_entry *b)
{
	return a->iface != b->iface ? a->iface < b->iface : flow_rank(a) < flow_rank(b);
}

// A proposal, and the first entry that allows it.
struct search {
	const struct control *c;
	const struct peer *peer;
	const struct selector *selector;
	struct crypto_entry *entry;
	struct flow *flow; // NULL: without an access list
};

static void consider(struct search *first, struct crypto_entry *e)
{
	const struct peer *p = first->peer;
	struct flow *f;

	if ((first->entry && !comes_before(e, first->entry)) ||
	    !flow_entry_lists(e, &p->local, &p->remote))
		return;
	f = entry_flow(first->c, e, first->selector);
	// No peer gets what is for everybody else.
	if (f || (e->any_traffic && first->selector->remote.len)) {
		first->entry = e;
		first->flow = f;
	}
}

static void consider_entry_of(struct flow *f, void *search)
{
	consider(search, f->entry);
}

// More entries that name one peer than this are not looked at one by one.
#define FEW_ENTRIES 16u

struct flow *flow_for_proposal(struct control *c, struct peer *p, const struct selector *s)
{
	struct search first = {.c = c, .peer = p, .selector = s};
	const struct entry_peer *at = NULL;
	struct crypto_entry *e;
	unsigned n = 0;

	// Those of dynamic maps come first: they may have no access list.
	while ((at = entry_peers_next(c, &p->remote, at)) &&
	       (at->entry->dynamic || n++ < FEW_ENTRIES))
		consider(&first, at->entry);
	if (at) // of the others only those whose lists have something that covers it
		flow_table_for_each(c, s, consider_entry_of, &first);
	for (e = c->any_peer_entries; e; e = e->next_any)
		consider(&first, e);
	errno = ENOENT;
	if (!first.entry || (first.flow && selector_equal(&first.flow->selector, s)))
		return first.flow;
	return flow_make_instance(c, first.entry, first.flow ? first.flow->line : 0, s, p);
}

struct flow *flow_create(struct control *c, struct crypto_entry *e, uint32_t line,
                         uint32_t instance, const struct selector *s)
{
	struct dp_tunnel_spec spec = {.iface = e->iface, .selector = *s, .peer = DP_NO_PEER};
	struct dp_policy_rule rule = {
		.iface = e->iface,
		.sequence = flow_rank(e),
		.line = line,
		.instance = instance,
		.permit = true,
		.local = s->local,
		.remote = s->remote,
		.proto = s->proto,
		.local_port_lo = s->local_port,
		.local_port_hi = s->local_port ? s->local_port : UINT16_MAX,
		.remote_port_lo = s->remote_port,
		.remote_port_hi = s->remote_port ? s->remote_port : UINT16_MAX,
	};
	struct flow *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		goto fail;
	err = instance == FLOW_LINE ? flow_lines_reserve(&e->lines) : 0;
	if (err == 0)
		err = flow_table_reserve(c, e, instance == FLOW_LINE);
	if (err < 0)
		goto fail_free;
	err = dp_tunnel_add(c->dp, &spec, &f->tunnel);
	if (err < 0)
		goto fail_free;
	rule.tunnel = f->tunnel;
	err = dp_policy_add(c->dp, &rule, &f->policy);
	if (err < 0)
		goto fail_tunnel;
	f->entry = e;
	f->line = line;
	f->instance = instance;
	f->selector = *s;
	f->next = e->flows;
	f->link = &e->flows;
	if (f->next)
		f->next->link = &f->next;
	e->flows = f;
	c->flow_of_tunnel[f->tunnel.index] = f;
	flow_table_add(c, f);
	if (instance == FLOW_LINE)
		flow_lines_add(&e->lines, f);
	else
		e->n_instances++;
	c->flows++;
	return f;
fail_tunnel:
	dp_tunnel_del(c->dp, f->tunnel);
fail_free:
	flow_table_unreserve(c, e);
	free(f);
fail:
	errno = -err;
	return NULL;
}

void flow_destroy(struct control *c, struct flow *f)
{
	struct peer *p = f->peer;
	struct child *ch;

	flow_unwait(f);
	while ((ch = f->children)) {
		child_leave_flow(ch); // the flow is going: it must not be told
		child_delete(c, ch, true, "policy removed");
	}
	dp_policy_del(c->dp, f->policy);
	dp_tunnel_del(c->dp, f->tunnel);
	flow_table_del(c, f);
	c->flow_of_tunnel[f->tunnel.index] = NULL;
	c->flows--;
	if (f->entry->sweep == f)
		f->entry->sweep = f->next;
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	if (f->instance == FLOW_LINE)
		flow_lines_del(&f->entry->lines, f);
	else
		f->entry->n_instances--;
	free(f->ended);
	free(f);
	if (p)
		peer_release(c, p);
}

void flow_release(struct control *c, struct flow *f)
{
	if (f->instance != FLOW_LINE && !f->children && !f->waiting)
		flow_destroy(c, f);
}
