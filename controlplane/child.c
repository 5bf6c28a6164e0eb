// Children: their SAs in the dataplane and their succession. Control core only. Must not judge
// whether the peer lives.
//
// Make before break: the responder of a quick mode switches to the new outbound SA at once, since
// the third message proves that the initiator can receive on it; the initiator switches a moment
// later (child_timers.c), when the responder has surely processed that message. The old pair goes
// on receiving until it is deleted.
#include "child.h"

#include <errno.h>

#include "addr.h"
#include "bounds.h"
#include "child_ends.h"
#include "child_spis.h"
#include "control.h"
#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_sa.h"
#include "peer.h"
#include "peer_log.h"
#include "peer_timers.h"

struct child *child_of(const struct control *c, struct handle sa)
{
	struct child *ch = sa.index < c->max_sas ? c->child_of_sa[sa.index] : NULL;

	return ch && (handle_equal(ch->in, sa) || handle_equal(ch->out, sa)) ? ch : NULL;
}

// What was being negotiated has come up or has ended.
static void child_settled(struct control *c, struct child *ch)
{
	if (ch->state != CHILD_NEGOTIATING || !ch->initiator)
		return;
	ch->peer->quick_modes--;
	ch->peer->quick_late -= ch->late;
	ch->late = false;
	on_quick_mode_ended(c, ch->peer);
}

void child_is_late(struct control *c, struct child *ch)
{
	if (ch->late || ch->state != CHILD_NEGOTIATING || !ch->initiator)
		return;
	ch->late = true;
	ch->peer->quick_late++;
	on_quick_mode_ended(c, ch->peer);
}

static void child_link(struct control *c, struct child *ch, struct handle sa)
{
	struct child *last = c->child_of_sa[sa.index];

	// The dataplane gives a slot out again as soon as its last use is over, and that may be
	// before we have read the event which says so.
	if (last)
		child_sa_gone(c, last->in.index == sa.index ? last->in : last->out);
	c->child_of_sa[sa.index] = ch;
	ch->sas++;
	ch->peer->sas_pending++;
}

void child_leave_flow(struct child *ch)
{
	struct child **link = &ch->flow->children;

	while (*link != ch)
		link = &(*link)->next_of_flow;
	*link = ch->next_of_flow;
	ch->next_of_flow = NULL;
	ch->flow = NULL;
}

// The inbound SA is there: it belongs to a peer and a flow from now on.
static void child_join(struct control *c, struct child *ch, struct peer *p, struct flow *f)
{
	ch->peer = p;
	ch->flow = f;
	ch->next_of_flow = f->children;
	f->children = ch;
	ch->created = c->now;
	ch->conn_id = c->next_conn_id;
	c->next_conn_id += 2;
	ch->next = p->children;
	ch->prev = ch->next ? ch->next->prev : ch->slab.index + 1;
	if (ch->next)
		ch->next->prev = ch->slab.index + 1;
	p->children = ch;
	p->n_children++;
	child_link(c, ch, ch->in);
}

// Pairs of SAs that new tunnels may have: they leave half of what is kept for renewals.
static uint32_t pairs_limit(const struct control *c)
{
	uint32_t limit = c->config->isakmp.ipsec_limit;

	return (limit ? limit : c->max_sas - c->sas_for_renewals / 2) / 2;
}

bool child_is_admitted(const struct control *c, const struct flow *f)
{
	return f->child || c->children.used < pairs_limit(c);
}

bool child_may_be_proposed(const struct control *c, const struct peer *p, const struct flow *f)
{
	uint32_t pairs = pairs_limit(c), part = pairs / ANY_PEER_PART;
	uint32_t left = c->named_peers ? part : 0;
	uint32_t share = part > ANY_PEER_PAIRS ? part : ANY_PEER_PAIRS;

	if (f->child || !f->entry->any_peer)
		return child_is_admitted(c, f);
	if (c->children.used + left >= pairs)
		return false;
	return c->children.used < pairs / 2 || p->n_children < share;
}

struct child *child_create(struct control *c, struct peer *p, struct flow *f, bool initiator)
{
	struct child *ch = slab_alloc(&c->children);
	int err;

	if (!ch)
		return NULL;
	err = initiator ? child_timers_begin(ch) : 0;
	if (err == 0)
		err = dp_sa_reserve(c->dp, &p->local, &p->remote, &ch->in, &ch->spi_in);
	if (err < 0) {
		peer_timers_stop_child(c, ch);
		slab_free(&c->children, ch);
		errno = -err;
		return NULL;
	}
	ch->initiator = initiator;
	p->quick_modes += initiator;
	child_join(c, ch, p, f);
	return ch;
}

int child_install_in(struct control *c, struct child *ch, struct sa_spec *spec)
{
	spec->spi = ch->spi_in;
	spec->kilobytes = ch->suite.lifetime_kilobytes;
	return dp_sa_add_in(c->dp, ch->in, spec, ch->flow->tunnel);
}

int child_install_out(struct control *c, struct child *ch, struct sa_spec *spec, uint32_t spi)
{
	int err;

	spec->spi = ch->spi_out = spi;
	spec->kilobytes = ch->suite.lifetime_kilobytes;
	spec->replay_window = 0;
	if (ch->flow->child && ch->flow->child->peer == ch->peer)
		child_timers_same_path(c, ch, ch->flow->child);
	spec->path_mtu = child_path_mtu(ch);
	spec->dummy_interval = ch->flow->entry->dummy_interval;
	err = dp_sa_add_out(c->dp, spec, ch->flow->tunnel, ch->in, &ch->out);
	if (err < 0)
		return err;
	child_link(c, ch, ch->out);
	child_spis_add(c, ch);
	return 0;
}

// True if the peer has a child that carries traffic, other than `except`.
bool peer_has_tunnel(const struct peer *p, const struct child *except)
{
	const struct child *ch;

	for (ch = p->children; ch; ch = ch->next)
		if (ch != except && ch->state >= CHILD_INBOUND && ch->state <= CHILD_OLD)
			return true;
	return false;
}

static void session_status(struct control *c, struct peer *p, const char *status)
{
	char text[ADDR_TEXT], buf[ADDR_TEXT];
	const char *id = peer_id(p, buf);

	if (!peer_log_may(c, p, PEER_LOG_STATUS))
		return;
	addr_format(&p->remote, text);
	log_msg(&c->log, LOG_NOTICE, "CRYPTO", "SESSION_STATUS",
	        "Crypto tunnel is %s.  Peer %s:%u       Id: %s", status, text, p->remote_port,
	        id[0] ? id : text);
}

// One that has not taken over itself: the peer may not have had our third message when it began the
// other, and take this one for the newer.
static void child_retire(struct control *c, struct child *ch)
{
	if (ch->state == CHILD_INBOUND)
		ch->had_rival = true;
	ch->state = CHILD_OLD;
	on_child_replaced(c, ch);
}

void child_activate(struct control *c, struct child *ch)
{
	struct flow *f = ch->flow;
	struct child *other;

	if (ch->state != CHILD_INBOUND || !f)
		return;
	if (f->child != ch) { // overtaken by a newer one
		child_retire(c, ch);
		return;
	}
	ch->state = CHILD_LIVE;
	dp_tunnel_use(c->dp, f->tunnel, ch->out);
	for (other = f->children; other; other = other->next_of_flow)
		if (other != ch && (other->state == CHILD_INBOUND || other->state == CHILD_LIVE))
			child_retire(c, other);
}

// Another peer has taken the flow over: what this gateway has or began with others for it ends.
static void end_with_others(struct control *c, struct flow *f, const struct peer *p)
{
	struct child *ch, *next;

	for (ch = f->children; ch; ch = next) {
		next = ch->next_of_flow;
		if (ch->peer != p && (ch->state != CHILD_NEGOTIATING || ch->initiator))
			child_delete(c, ch, true, "another peer took over");
	}
}

// The oldest of those that were replaced, if the flow has more children than it may. A peer may
// renew one as often as it likes, and each stays for a while.
static struct child *surplus(const struct flow *f)
{
	struct child *ch, *oldest = NULL;
	unsigned n = 0;

	for (ch = f->children; ch; ch = ch->next_of_flow) {
		n += ch->state != CHILD_NEGOTIATING;
		if (ch->state == CHILD_OLD)
			oldest = ch;
	}
	return n > CHILDREN_PER_FLOW ? oldest : NULL;
}

void child_established(struct control *c, struct child *ch)
{
	struct child *old;
	bool first = !peer_has_tunnel(ch->peer, ch);

	child_settled(c, ch);
	ch->state = CHILD_INBOUND;
	flow_up(c, ch->flow, ch);
	if (first)
		session_status(c, ch->peer, "UP  ");
	if (!ch->initiator)
		child_activate(c, ch);
	end_with_others(c, ch->flow, ch->peer);
	on_child_established(c, ch);
	while ((old = surplus(ch->flow)))
		child_delete(c, old, true, "renewed too often");
}

// The next one that its peer has had made, NULL for the newest.
static struct child *child_newer(const struct control *c, const struct child *ch)
{
	return ch == ch->peer->children ? NULL : slab_at(&c->children, ch->prev - 1);
}

static void child_unlink(struct control *c, struct child *ch)
{
	struct peer *p = ch->peer;
	struct child *newer = child_newer(c, ch);

	peer_skip_child(p, ch);
	*(newer ? &newer->next : &p->children) = ch->next;
	if (ch->next)
		ch->next->prev = ch->prev;
	else if (newer) // it was the oldest
		p->children->prev = ch->prev;
	ch->next = NULL;
	p->n_children--;
	child_spis_del(c, ch);
}

// Newest child of a flow that can carry its traffic, NULL if there is none.
static struct child *flow_successor(const struct flow *f, const struct peer *p)
{
	struct child *ch;

	for (ch = f->children; ch; ch = ch->next_of_flow)
		if (ch->peer == p && (ch->state == CHILD_INBOUND || ch->state == CHILD_LIVE))
			return ch;
	return NULL;
}

// One that lives on although another one of its age took over (see on_child_replaced()): the two
// sides may have seen them in another order, and this is the one that the peer has kept.
static struct child *flow_twin(struct control *c, const struct flow *f, const struct peer *p)
{
	struct child *ch;

	for (ch = f->children; ch; ch = ch->next_of_flow) {
		if (ch->peer != p || ch->state != CHILD_OLD || !child_timers_revive(c, ch))
			continue;
		ch->state = CHILD_INBOUND;
		return ch;
	}
	return NULL;
}

// A peer whose SAs have all been let go may be freed now.
static void child_free_if_gone(struct control *c, struct child *ch)
{
	struct peer *p = ch->peer;

	if (ch->sas)
		return;
	slab_free(&c->children, ch);
	if (p->state != PEER_ENDING || !p->sas_pending)
		peer_sas_gone(c, p);
}

// Adds what an SA carried to its flow's totals.
static void count_ended(struct control *c, struct handle sa, uint64_t *packets, uint64_t *drops)
{
	struct dp_sa_stats s;

	if (handle_is_null(sa))
		return;
	dp_sa_stats(c->dp, sa, &s);
	*packets += s.packets;
	*drops += s.auth_failed + s.replayed + s.bad_selector + s.other_drops;
}

// Ends a child: SAs out of the dataplane, out of the peer's list. What it proved is remembered.
static void child_end(struct control *c, struct child *ch)
{
	struct handle sas[2] = {ch->in, ch->out};
	tick_t last;

	if (ch->state != CHILD_NEGOTIATING && dp_sa_last_in(c->dp, ch->in, &last))
		peer_note_life(ch->peer, last);
	if (ch->state != CHILD_NEGOTIATING && ch->flow) {
		struct flow_totals t = flow_ended(ch->flow);

		count_ended(c, ch->in, &t.in_packets, &t.in_drops);
		count_ended(c, ch->out, &t.out_packets, &t.out_drops);
		flow_set_ended(ch->flow, &t);
	}
	peer_timers_stop_child(c, ch);
	child_unlink(c, ch);
	child_settled(c, ch);
	ch->state = CHILD_GONE;
	dp_sa_del(c->dp, sas, 2);
}

struct child *child_create_manual(struct control *c, struct peer *p, struct flow *f,
                                  const struct sa_spec *in, const struct sa_spec *out)
{
	struct child *ch = slab_alloc(&c->children);
	int err;

	if (!ch)
		return NULL;
	err = dp_sa_import(c->dp, in, f->tunnel, &ch->in);
	if (err < 0) {
		slab_free(&c->children, ch);
		errno = -err;
		return NULL;
	}
	ch->spi_in = in->spi;
	ch->spi_out = out->spi;
	ch->suite = (struct esp_suite){.cipher = in->cipher,
	                               .auth = in->auth,
	                               .mode = in->mode,
	                               .key_bits = (uint16_t)(in->key_len * 8)};
	child_join(c, ch, p, f);
	err = dp_sa_add_out(c->dp, out, f->tunnel, ch->in, &ch->out);
	if (err < 0) {
		child_leave_flow(ch);
		child_end(c, ch);
		errno = -err;
		return NULL;
	}
	child_link(c, ch, ch->out);
	ch->state = CHILD_INBOUND;
	flow_up(c, f, ch);
	session_status(c, p, "UP  ");
	child_activate(c, ch);
	return ch;
}

// The flow goes on with another child, or is down; a negotiation that nobody continues is given up.
static void flow_lost_child(struct control *c, struct flow *f, const struct child *ch,
                            const struct peer *p, bool was_live)
{
	struct child *heir;

	if (f->child == ch) {
		heir = flow_successor(f, p);
		if (!heir)
			heir = flow_twin(c, f, p);
		f->child = heir;
		if (!heir) {
			flow_down(c, f);
			return;
		}
		child_activate(c, heir);
		if (heir->rekeying)
			on_child_rekey_failed(c, heir); // it was the successor that has ended
	} else if (f->child && was_live) {
		child_activate(c, f->child); // its successor must not keep packets waiting
	} else if (f->child && f->child->rekeying && ch->initiator && !ch->spi_out) {
		on_child_rekey_failed(c, f->child); // its successor never got up
	} else {
		flow_settle(c, f);
	}
}

void child_delete(struct control *c, struct child *ch, bool notify, const char *why)
{
	struct peer *p = ch->peer;
	struct flow *f = ch->flow;
	struct ike_sa *sa = peer_ike_sa(p);
	bool had = ch->state != CHILD_NEGOTIATING, was_live = ch->state == CHILD_LIVE;
	char text[ADDR_TEXT];

	if (ch->state == CHILD_GONE)
		return;
	log_ipsec(&c->log, "IPSEC(delete_sa): peer %s, spi in 0x%x, out 0x%x: %s",
	          addr_format(&p->remote, text), ch->spi_in, ch->spi_out, why);
	if (notify && had && sa)
		ike1_delete_child(c, sa, ch);
	if (!had) // only what is being negotiated has an exchange
		exchange_child_gone(c, ch);
	if (was_live && f && f->child && f->child != ch)
		child_activate(c, f->child); // before the worker has none
	child_end(c, ch);
	if (f) {
		child_leave_flow(ch);
		flow_lost_child(c, f, ch, p, was_live);
	}
	if (had && !peer_has_tunnel(p, NULL))
		session_status(c, p, "DOWN");
}

// What is being negotiated ends; its flow, which goes on somehow, or NULL.
static struct flow *end_negotiation(struct control *c, struct child *ch, const char *why)
{
	struct flow *f = ch->flow;

	log_ipsec(&c->log, "IPSEC: negotiation failed: %s", why);
	exchange_child_gone(c, ch);
	child_end(c, ch);
	if (f)
		child_leave_flow(ch);
	return f;
}

void child_restart(struct control *c, struct child *ch)
{
	struct peer *p = ch->peer;
	struct flow *f = end_negotiation(c, ch, "the IKE SA has ended, but there is another");

	if (!f)
		return;
	if (!f->child)
		flow_again(c, f, p);
	else if (f->child->rekeying)
		on_child_rekey_failed(c, f->child);
}

void child_failed(struct control *c, struct child *ch, const char *why)
{
	struct flow *f;
	struct peer *p = ch->peer;
	bool initiator = ch->initiator;

	if (ch->state == CHILD_GONE)
		return;
	f = end_negotiation(c, ch, why);
	if (!f)
		return;
	if (f->child) {
		if (initiator && f->child->rekeying)
			on_child_rekey_failed(c, f->child);
	} else if (initiator || f->state == FLOW_WANTED) {
		flow_next_peer(c, f, p, true);
	} else {
		flow_release(c, f);
	}
}

struct child *child_find_out(const struct control *c, const struct peer *p, uint32_t spi_out)
{
	struct child *ch = NULL;

	do
		ch = child_spis_next(c, p, spi_out, ch);
	while (ch && ch->state < CHILD_INBOUND);
	return ch;
}

struct child *child_oldest(const struct control *c, const struct peer *p, tick_t before)
{
	struct child *ch = p->children;

	if (ch)
		ch = slab_at(&c->children, ch->prev - 1);
	while (ch && ch->state == CHILD_NEGOTIATING) // few, see bounds.h
		ch = child_newer(c, ch);
	return ch && tick_before(ch->created, before) ? ch : NULL;
}

bool child_has_sibling(const struct child *ch, enum child_state state)
{
	const struct child *other;

	for (other = ch->flow->children; other; other = other->next_of_flow)
		if (other != ch && other->peer == ch->peer && other->state == state)
			return true;
	return false;
}

void child_sa_gone(struct control *c, struct handle sa)
{
	struct child *ch = child_of(c, sa);

	if (!ch)
		return;
	c->child_of_sa[sa.index] = NULL;
	ch->sas--;
	ch->peer->sas_pending--;
	child_free_if_gone(c, ch);
}

void child_rekey(struct control *c, struct child *ch)
{
	if (ch->rekeying || ch->state != CHILD_LIVE || !ch->flow || ch->peer->manual ||
	    ch->peer->state == PEER_ENDING || child_ends_soon(ch))
		return;
	ch->rekeying = true;
	ch->flow->peer = ch->peer;
	flow_negotiate(c, ch->flow);
}
