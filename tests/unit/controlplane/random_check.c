// See random_check.h.
#include "random_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "child.h"
#include "fake_ike.h"
#include "flow.h"
#include "peer.h"

#define S TICKS_PER_SECOND

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	check_story();
	fail_msg("%s", what);
}

// ---- hosts

void check_init(struct check *k, unsigned seed)
{
	memset(k, 0, sizeof(*k));
	k->seed = seed;
	k->disturbed = k->fault = fake_now - 1;
	for (unsigned i = 0; i < HOSTS; i++)
		k->hosts[i] = (struct host){.addr = addr_v4(0xc000020b + i),
		                            .alive = true,
		                            .alive_since = fake_now,
		                            .fault = fake_now - 1};
}

struct host *check_host(struct check *k, const struct ip_addr *addr)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (addr_equal(&k->hosts[i].addr, addr))
			return &k->hosts[i];
	return NULL;
}

void check_sa_epoch(struct ike_sa *sa, const struct host *h)
{
	memcpy(sa->cookie_r, &h->epoch, sizeof(h->epoch));
}

bool check_sa_stale(const struct ike_sa *sa, const struct host *h)
{
	return memcmp(sa->cookie_r, &h->epoch, sizeof(h->epoch)) != 0;
}

uint32_t check_child_epoch(struct check *k, const struct child *ch, const struct host *h)
{
	uint32_t i = ch->slab.index;

	if (k->child_generations[i] != ch->slab.generation) {
		k->child_generations[i] = ch->slab.generation;
		k->child_epochs[i] = h->epoch;
	}
	return k->child_epochs[i];
}

// ---- streams

void check_toggle_stream(struct check *k, unsigned tunnel)
{
	k->streams[tunnel].on = !k->streams[tunnel].on;
}

void check_all_talk(struct check *k)
{
	for (unsigned i = 0; i < FAKE_TUNNELS; i++)
		k->streams[i].on = true;
	for (unsigned i = 0; i < HOSTS; i++)
		k->hosts[i].talks = true;
}

void check_streams(struct check *k, struct control *c)
{
	for (uint32_t i = 0; i < FAKE_TUNNELS; i++) {
		struct fake_tunnel *t = &c->dp->tunnels[i];
		struct stream *s = &k->streams[i];

		if (!t->used || !s->on)
			continue;
		if (s->generation != t->generation || tick_diff(fake_now, s->sent) > (int32_t)S)
			s->since = fake_now;
		s->generation = t->generation;
		s->sent = fake_now;
		fake_dp_packet(c->dp, (struct handle){i, t->generation}, NULL);
	}
}

// ---- verdicts

static void tell_peer(struct check *k, const struct control *c, const struct peer *p)
{
	const struct host *h = check_host(k, &p->remote);
	tick_t life = 0;

	peer_last_life(c, p, &life);
	print_error("peer %u state %u up %u, run %u window %u-%u losses %u, life %u, periodic %u "
	            "interval %u retry %u; host alive %u since %u fault %u; disturbed %u\n",
	            h->addr.bytes[3], p->state, p->since, p->dpd.run_start, p->dpd.window_start,
	            p->dpd.window_end, p->dpd.losses, life, p->dpd_config.periodic,
	            p->dpd_config.interval, p->dpd_config.retry, h->alive, h->alive_since, h->fault,
	            k->disturbed);
	for (const struct ike_sa *sa = p->ike_sas; sa; sa = sa->next)
		print_error("  IKE SA state %u initiator %u replaced %u stale %u created %u up %u "
		            "run %u outstanding %u next %u\n",
		            sa->state, sa->initiator, sa->replaced, check_sa_stale(sa, h),
		            sa->created, sa->established, sa->dpd_run_first, sa->dpd_outstanding,
		            sa->dpd_next);
	for (const struct child *ch = p->children; ch; ch = ch->next)
		print_error("  child state %u created %u tunnel %u\n", ch->state, ch->created,
		            ch->flow->tunnel.index);
}

void check_death(struct check *k, struct control *c, const struct peer *p)
{
	const struct host *h = check_host(k, &p->remote);
	const struct ike_sa *sa = peer_ike_sa(p);
	tick_t run = p->dpd.run_start;

	if (!h->alive || tick_before(run, h->alive_since) || (sa && check_sa_stale(sa, h)))
		return;
	if (!tick_before(h->fault, run) || !tick_before(k->fault, run))
		return;
	tell_peer(k, c, p);
	must(false, "a living peer was declared dead");
}

// The most that may pass between the last sign of life and death.
static int32_t death_bound(const struct check *k, const struct peer *p, tick_t life)
{
	int32_t bound = (int32_t)(p->dpd_config.interval + 5 * p->dpd_config.retry + S);

	if (!tick_before(k->disturbed, life))
		bound += (int32_t)(15 * p->dpd_config.retry);
	return bound;
}

// On-demand: traffic goes out without a gap since then, through an SA of this child. False: none.
static bool asked_since(const struct check *k, const struct child *ch, tick_t *since)
{
	const struct stream *s;

	if (ch->state != CHILD_LIVE || !ch->flow || ch->flow->child != ch)
		return false;
	s = &k->streams[ch->flow->tunnel.index];
	if (!s->on || s->generation != ch->flow->tunnel.generation ||
	    tick_diff(fake_now, s->sent) > (int32_t)S)
		return false;
	// A tunnel that has just been taken up asks from then on.
	*since = tick_max(s->since, ch->created + 2 * S);
	return true;
}

static void found(struct check *k, const struct control *c, const struct peer *p, bool in_time)
{
	if (in_time)
		return;
	tell_peer(k, c, p);
	must(false, "a dead peer was not found in time");
}

static void check_found_in_time(struct check *k, const struct control *c, const struct peer *p)
{
	const struct child *ch;
	tick_t life, since;

	if (p->state != PEER_UP || p->dpd.state == DPD_OFF)
		return;
	if (!peer_last_life(c, p, &life))
		life = p->since;
	life = tick_max(life, p->since);
	if (!tick_before(k->disturbed, life))
		life = k->disturbed;
	if (p->dpd_config.periodic) {
		found(k, c, p, tick_diff(fake_now, life) <= death_bound(k, p, life));
		return;
	}
	for (ch = p->children; ch; ch = ch->next)
		if (asked_since(k, ch, &since))
			found(k, c, p,
			      tick_diff(fake_now, tick_max(life, since)) <=
			              death_bound(k, p, life) + (int32_t)(2 * S));
}

// ---- structure

static bool is_listed(const struct control *c, const struct flow *f)
{
	const struct crypto_entry *e;
	const struct flow *g;

	for (e = c->entries; e; e = e->next)
		for (g = e->flows; g; g = g->next)
			if (g == f)
				return g->entry == e;
	return false;
}

static bool sa_is_of(const struct control *c, struct handle sa, const struct child *ch)
{
	return child_of(c, sa) == ch;
}

static bool encrypts(const struct flow *f)
{
	const struct child *ch;

	for (ch = f->children; ch; ch = ch->next_of_flow)
		if (ch->state == CHILD_LIVE)
			return true;
	return false;
}

static void check_child(const struct control *c, const struct peer *p, const struct child *ch)
{
	must(slab_get(&c->children, slab_handle(ch)) == ch, "a child in a list is freed");
	must(ch->peer == p, "a child is in another peer's list");
	must(p->state != PEER_ENDING, "a dead peer has children");
	must(!ch->flow || is_listed(c, ch->flow), "a child's flow is gone");
	must(ch->flow, "a child that is not gone has no flow");
	must(sa_is_of(c, ch->in, ch), "a child does not own its inbound SA");
	must(ch->state != CHILD_GONE, "a gone child is in the list");
	if (ch->state == CHILD_NEGOTIATING) {
		must(fake_ike_negotiates(ch), "nobody negotiates a child");
		return;
	}
	must(sa_is_of(c, ch->out, ch), "a child does not own its outbound SA");
	must(wheel_is_armed(&ch->expire), "a child has no end");
	if (ch->state == CHILD_INBOUND)
		must(ch->start && wheel_is_armed(&ch->start->activate),
		     "an inbound child is never activated");
	if (ch->state == CHILD_INBOUND && ch->flow->child == ch && !encrypts(ch->flow))
		must(tick_diff(ch->start->activate.expires, c->now) <= (int32_t)S / 10,
		     "packets wait for an inbound child");
	if (ch->state == CHILD_LIVE)
		must(ch->flow->child == ch || ch->flow->child->state == CHILD_INBOUND,
		     "a live child is not its flow's");
	if (ch->state == CHILD_LIVE && ch->flow->child == ch && !ch->rekeying)
		must(wheel_is_armed(&ch->rekey), "a live child is never renewed");
}

// Of ours, so that other flows wait for their turn; or for the next tick, if one has just ended.
static bool has_many_quick_modes(const struct peer *p)
{
	const struct child *ch;
	unsigned n = 0, late = 0;

	for (ch = p->children; ch; ch = ch->next) {
		n += ch->state == CHILD_NEGOTIATING && ch->initiator;
		late += ch->late;
	}
	must(n == p->quick_modes, "a peer's quick modes are miscounted");
	must(late == p->quick_late, "a peer's late quick modes are miscounted");
	return !peer_takes_quick_mode(p) || (n && wheel_is_armed(&p->retry));
}

static void check_ike_sas(const struct control *c, const struct peer *p)
{
	const struct ike_sa *sa;
	unsigned usable = 0;

	for (sa = p->ike_sas; sa; sa = sa->next) {
		must(slab_get(&c->ike_sas, slab_handle(sa)) == sa, "an IKE SA in a list is freed");
		must(sa->peer == p, "an IKE SA is in another peer's list");
		must((sa->state == IKE_DEST_SA) == (p->state == PEER_ENDING),
		     "an IKE SA is deleted and its peer is not, or the reverse");
		if (!ike_sa_is_established(sa))
			continue;
		must(wheel_is_armed(&sa->expire), "an IKE SA has no end");
		usable += !sa->replaced;
	}
	must(usable <= 1, "two IKE SAs carry the exchanges of a peer");
	must(!usable || !p->waiting || has_many_quick_modes(p),
	     "flows wait for an IKE SA that is there");
}

static void check_peer(struct check *k, const struct control *c, const struct peer *p)
{
	const struct child *ch;
	const struct flow *f;
	unsigned pending = 0;

	for (uint32_t i = 0; i < c->max_sas; i++)
		pending += c->child_of_sa[i] && c->child_of_sa[i]->peer == p;
	must(pending == p->sas_pending, "a peer does not know how many SAs it has");
	for (ch = p->children; ch; ch = ch->next)
		check_child(c, p, ch);
	for (f = p->waiting; f; f = f->next_waiting) {
		must(is_listed(c, f), "a flow that waits is gone");
		must(f->waiting && f->peer == p, "a flow waits for another peer");
	}
	check_ike_sas(c, p);
	must(p->ike_sas || p->children || p->waiting || p->sas_pending || p->dpd.state ||
	             wheel_is_armed(&p->retry),
	     "a peer that nobody uses stays");
	must(!p->waiting || peer_is_negotiating(p) || wheel_is_armed(&p->retry) ||
	             has_many_quick_modes(p),
	     "flows wait for nothing");
	if (p->state == PEER_ENDING) {
		must(p->sas_pending, "a dead peer is not buried");
		must(!wheel_is_armed(&p->probe) && !wheel_is_armed(&p->retry),
		     "a dead peer has timers");
		return;
	}
	must(peer_find(c, &p->local, &p->remote, 500) == p, "a peer cannot be found");
	if (p->dpd.state == DPD_AGGRESSIVE || (p->dpd.state && p->dpd_config.periodic))
		must(wheel_is_armed(&p->probe), "a peer is never asked");
	check_found_in_time(k, c, p);
}

// How many children of a flow are in a state.
static unsigned children_in(const struct control *c, const struct flow *f, enum child_state s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->children.made; i++) {
		const struct child *ch = slab_at(&c->children, i);

		n += ch && ch->flow == f && ch->state == s;
	}
	return n;
}

static bool is_asked(const struct dp *dp, struct handle tunnel)
{
	for (unsigned i = dp->first_event; i < dp->end_of_events; i++)
		if (dp->events[i].kind == DP_EVENT_ACQUIRE &&
		    handle_equal(dp->events[i].tunnel, tunnel))
			return true;
	return false;
}

static void check_flow(const struct control *c, const struct flow *f)
{
	const struct fake_tunnel *t = &c->dp->tunnels[f->tunnel.index];
	const struct child *ch = f->child;
	unsigned negotiating = children_in(c, f, CHILD_NEGOTIATING);

	must(t->used && t->generation == f->tunnel.generation, "a flow has no tunnel");
	must(flow_of(c, f->tunnel) == f, "a tunnel's flow is another");
	must((f->state == FLOW_UP) == (ch != NULL), "a flow is up without a child, or the reverse");
	must(!f->waiting || (f->peer && f->peer->waiting), "a flow's waiting is lost");
	must(f->waiting || !f->next_waiting, "a flow that does not wait is in a list");
	if (f->state == FLOW_WANTED)
		must(f->waiting || negotiating, "a flow is stuck");
	if (f->state == FLOW_IDLE)
		must(!f->waiting && !f->peer, "an idle flow has a peer");
	if (f->peer)
		must(slab_at(&c->peers, f->peer->slab.index) == f->peer &&
		             f->peer->state != PEER_ENDING,
		     "a flow's peer has gone");
	if (f->state == FLOW_IDLE && t->asked)
		must(is_asked(c->dp, f->tunnel), "packets wait for nothing");
	if (f->instance != FLOW_LINE && f->state == FLOW_IDLE)
		must(negotiating || children_in(c, f, CHILD_OLD), "an instance that nobody uses");
	for (const struct child *i = f->children; i; i = i->next_of_flow)
		must(i->flow == f && slab_get(&c->children, slab_handle(i)) == i,
		     "a flow lists a child that is not its own");
	must(!f->losing_peer, "a flow was forgotten by a death");
	must(children_in(c, f, CHILD_LIVE) <= 1, "two children of a flow encrypt");
	if (!ch)
		return;
	must(ch->flow == f, "a flow's child is another's");
	must(ch->state == CHILD_INBOUND || ch->state == CHILD_LIVE, "a flow's child is not alive");
	must(f->peer == ch->peer, "a flow's peer is not its child's");
	must(t->spec.peer == ch->peer->slab.index, "the workers know another peer");
	if (ch->state == CHILD_LIVE)
		must(handle_equal(t->out_sa, ch->out), "the workers use another SA");
	if (ch->state == CHILD_LIVE && ch->rekeying)
		must(negotiating || f->waiting, "a renewal is stuck");
}

// What finds an entry by its place and a flow by its line agrees with the lists.
static void check_places(const struct control *c, struct crypto_entry *e, uint32_t index)
{
	const struct entry_key key = {e->iface, e->ipv6, flow_place(e->sequence, e->dynamic)};
	struct crypto_entry *before;
	const struct flow *f;
	unsigned lines = 0, instances = 0;

	must(c->entry_index.valid && index < c->entry_index.n, "an entry is not in the index");
	must(entry_index_find(c, &key, &before) == e, "an entry is not found");
	must(before ? before->next == e : c->entries == e, "an entry has another before it");
	for (f = e->flows; f; f = f->next) {
		lines += f->instance == FLOW_LINE;
		instances += f->instance != FLOW_LINE;
		must(f->instance != FLOW_LINE || flow_lines_find(&e->lines, f->line) == f,
		     "a flow is not found by its line");
	}
	must(e->lines.n == lines && e->n_instances == instances, "flows are miscounted");
}

static void check_tables(const struct control *c)
{
	struct crypto_entry *e;
	const struct flow *f;
	unsigned flows = 0, rules = 0, tunnels = 0, policies = 0, half_open = 0;
	uint32_t n = 0;

	for (e = c->entries; e; e = e->next) {
		check_places(c, e, n++);
		rules += e->n_denies;
		for (f = e->flows; f; f = f->next, flows++)
			check_flow(c, f);
	}
	for (unsigned i = 0; i < FAKE_TUNNELS; i++)
		tunnels += c->dp->tunnels[i].used;
	for (unsigned i = 0; i < FAKE_POLICY; i++)
		policies += c->dp->policies[i].used;
	must(tunnels == flows, "a tunnel has no flow");
	must(policies == flows + rules, "a policy has no flow");
	for (uint32_t i = 0; i < c->ike_sas.made; i++) {
		const struct ike_sa *sa = slab_at(&c->ike_sas, i);

		half_open += sa && sa->state < IKE_P1_COMPLETE;
	}
	must(half_open == c->half_open, "half-open IKE SAs are miscounted");
	for (uint32_t i = 0; i < FAKE_SAS; i++) {
		struct handle h = {i, c->dp->sas[i].generation};

		must(!c->dp->sas[i].used || child_of(c, h), "an SA without an owner");
	}
	for (uint32_t i = 0; i < c->children.made; i++) {
		const struct child *ch = slab_at(&c->children, i);

		must(!ch || ch->sas, "a child without an SA");
	}
	must(c->dp->errors == 0, "the dataplane was told nonsense");
}

void check_all(struct check *k, struct control *c)
{
	for (uint32_t i = 0; i < c->peers.made; i++) {
		const struct peer *p = slab_at(&c->peers, i);

		if (p)
			check_peer(k, c, p);
	}
	check_tables(c);
}

// ---- ends

static void tell_flow(struct check *k, const struct control *c, const struct flow *f)
{
	const struct crypto_entry *e = f->entry;
	const struct fake_tunnel *t = &c->dp->tunnels[f->tunnel.index];
	struct host *h = check_host(k, &e->peers[e->current]);

	print_error("entry %u line %u state %u waiting %u failed_at %u tried %u, peer %u of %u "
	            "(alive %u, epoch %u), asked %u, stream %u sent %u, refused %u\n",
	            e->sequence, f->line, f->state, f->waiting, f->failed_at, e->tried, e->current,
	            e->n_peers, h->alive, h->epoch, t->asked, k->streams[f->tunnel.index].on,
	            k->streams[f->tunnel.index].sent, t->refused);
	for (const struct child *ch = f->children; ch; ch = ch->next_of_flow)
		print_error("  child state %u initiator %u created %u\n", ch->state, ch->initiator,
		            ch->created);
}

void check_all_up(struct check *k, struct control *c)
{
	const struct crypto_entry *e;
	const struct flow *f;

	for (e = c->entries; e; e = e->next)
		for (f = e->flows; f; f = f->next) {
			if (f->instance != FLOW_LINE || !e->complete)
				continue;
			if (f->state != FLOW_UP)
				tell_flow(k, c, f);
			must(f->state == FLOW_UP,
			     "peers live and traffic flows, but a flow is not up");
			must(f->child->state == CHILD_INBOUND ||
			             fake_dp_packet(c->dp, f->tunnel, NULL),
			     "a flow that is up holds packets");
		}
}

void check_only_lines(struct check *k, struct control *c)
{
	const struct crypto_entry *e;
	const struct flow *f;

	(void)k;
	for (e = c->entries; e; e = e->next)
		for (f = e->flows; f; f = f->next)
			must(f->instance == FLOW_LINE && f->state == FLOW_IDLE && !f->peer,
			     "a flow outlives its peers");
}

void check_nothing_left(struct check *k, struct control *c)
{
	(void)k;
	must(fake_dp_is_empty(c->dp), "SAs are left");
	for (unsigned i = 0; i < FAKE_TUNNELS; i++)
		must(!c->dp->tunnels[i].used, "a tunnel is left");
	for (unsigned i = 0; i < FAKE_POLICY; i++)
		must(!c->dp->policies[i].used, "a policy is left");
}
