// Peers: the table and a peer's life, new -> up -> ending -> freed. Control core only. Must not
// send packets or arm timers.
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "child.h"
#include "control.h"
#include "flow.h"
#include "ike_sa.h"
#include "peer_log.h"
#include "peer_timers.h"
#include "teardown.h"

#define NAT_T_PORT 4500

// ---- the table ---------------------------------------------------------------------------------
// A NAT may hide thousands of peers behind one address, and first messages with that address may be
// forged. So no look-up walks all of them: a peer is in one chain by the port that its IKE comes
// from, and in one by the port that it began from.

static uint32_t *bucket_by(const struct control *c, uint32_t *table, const struct ip_addr *local,
                           const struct ip_addr *remote, uint16_t port)
{
	return &table[addr_pair_hash(&c->salt, local, remote, port) & c->peer_bucket_mask];
}

static struct peer *peer_at(const struct control *c, uint32_t link)
{
	return link ? slab_at(&c->peers, link - 1) : NULL;
}

static struct peer_link *link_of(const struct control *c, const uint32_t *table, struct peer *p)
{
	return table == c->peers_by_port ? &p->by_port : &p->by_key;
}

static void chain_add(struct control *c, uint32_t *table, uint16_t port, struct peer *p)
{
	uint32_t *bucket = bucket_by(c, table, &p->local, &p->remote, port);
	struct peer *next = peer_at(c, *bucket);

	*link_of(c, table, p) = (struct peer_link){.next = *bucket};
	if (next)
		link_of(c, table, next)->prev = p->slab.index + 1;
	*bucket = p->slab.index + 1;
}

static void chain_del(struct control *c, uint32_t *table, uint16_t port, struct peer *p)
{
	struct peer_link *link = link_of(c, table, p);
	struct peer *next = peer_at(c, link->next), *prev = peer_at(c, link->prev);

	if (next)
		link_of(c, table, next)->prev = link->prev;
	if (prev)
		link_of(c, table, prev)->next = link->next;
	else
		*bucket_by(c, table, &p->local, &p->remote, port) = link->next;
	*link = (struct peer_link){0};
}

int peer_tables_init(struct control *c, uint32_t max_peers)
{
	uint32_t buckets = 1;

	while (buckets < max_peers)
		buckets *= 2;
	c->peer_bucket_mask = buckets - 1;
	salt_init(&c->salt);
	c->peers_by_port = calloc(buckets, sizeof(*c->peers_by_port));
	c->peers_by_key = calloc(buckets, sizeof(*c->peers_by_key));
	c->begun = calloc(IKE_BEGUN_BUCKETS, sizeof(*c->begun));
	return c->peers_by_port && c->peers_by_key && c->begun ? 0 : -ENOMEM;
}

void peer_tables_fini(struct control *c)
{
	free(c->peers_by_port);
	free(c->peers_by_key);
	free(c->begun);
}

static bool is_at(const struct peer *p, const struct ip_addr *local, const struct ip_addr *remote)
{
	return addr_equal(&p->remote, remote) && addr_equal(&p->local, local);
}

struct peer *peer_next_at(const struct control *c, const struct ip_addr *local,
                          const struct ip_addr *remote, uint16_t remote_port,
                          const struct peer *last)
{
	struct peer *p;

	p = peer_at(c, last ? last->by_port.next
	                    : *bucket_by(c, c->peers_by_port, local, remote, remote_port));
	while (p && !(p->remote_port == remote_port && is_at(p, local, remote)))
		p = peer_at(c, p->by_port.next);
	return p;
}

static struct peer *find_by_key(const struct control *c, const struct ip_addr *local,
                                const struct ip_addr *remote, uint16_t key_port)
{
	struct peer *p = peer_at(c, *bucket_by(c, c->peers_by_key, local, remote, key_port));

	while (p && !(p->key_port == key_port && is_at(p, local, remote)))
		p = peer_at(c, p->by_key.next);
	return p;
}

static bool is_in_table(const struct peer *p)
{
	return p->state != PEER_ENDING && !p->manual;
}

void peer_set_port(struct control *c, struct peer *p, uint16_t remote_port)
{
	if (p->remote_port == remote_port)
		return;
	if (is_in_table(p))
		chain_del(c, c->peers_by_port, p->remote_port, p);
	p->remote_port = remote_port;
	if (is_in_table(p))
		chain_add(c, c->peers_by_port, remote_port, p);
}

static bool has_same_key(const struct control *c, const struct ip_addr *a, const struct ip_addr *b)
{
	const struct config_key *one = config_find_key(c->config, a);
	const struct config_key *other = config_find_key(c->config, b);

	return one && other && strcmp(one->secret, other->secret) == 0;
}

static bool child_allows(const struct child *ch, const struct ip_addr *remote)
{
	if (ch->suite.mode == SA_MODE_TRANSPORT)
		return false;
	return !ch->flow || flow_entry_lists(ch->flow->entry, &ch->peer->local, remote);
}

bool peer_may_be_at(const struct control *c, const struct peer *p, const struct ip_addr *remote)
{
	struct ip_addr next_hop, source;
	const struct child *ch;
	uint16_t iface;

	if (p->n_children > FOLLOWED_CHILDREN_MAX || remote->family != p->remote.family ||
	    flow_peer_is_named(c, &p->local, remote) ||
	    !flow_peer_is_listed(c, &p->local, remote) || !has_same_key(c, &p->remote, remote))
		return false;
	for (ch = p->children; ch; ch = ch->next)
		if (!child_allows(ch, remote))
			return false;
	return dp_route_find(c->dp, remote, &iface, &next_hop, &source) == 0 && iface == p->iface;
}

static int keep_name(struct peer *p)
{
	char addr[ADDR_TEXT];

	if (!p->id_is_address)
		return 0;
	p->id = strdup(addr_format(&p->remote, addr));
	p->id_is_address = !p->id;
	return p->id ? 0 : -ENOMEM;
}

int peer_set_address(struct control *c, struct peer *p, const struct ip_addr *remote,
                     uint16_t remote_port)
{
	int err = keep_name(p);

	if (err < 0)
		return err;
	if (is_in_table(p)) {
		chain_del(c, c->peers_by_port, p->remote_port, p);
		chain_del(c, c->peers_by_key, p->key_port, p);
	}
	ike_sas_set_address(c, p, remote);
	p->remote_port = p->key_port = remote_port;
	if (is_in_table(p)) {
		chain_add(c, c->peers_by_port, p->remote_port, p);
		chain_add(c, c->peers_by_key, p->key_port, p);
	}
	return 0;
}

// A first message from another port than IKE's own comes through a NAT that may hide several peers.
static uint16_t key_port_of(uint16_t remote_port)
{
	return remote_port == IKE_PORT || remote_port == NAT_T_PORT ? 0 : remote_port;
}

struct peer *peer_find(const struct control *c, const struct ip_addr *local,
                       const struct ip_addr *remote, uint16_t remote_port)
{
	struct peer *p = peer_next_at(c, local, remote, remote_port, NULL);

	return p ? p : find_by_key(c, local, remote, key_port_of(remote_port));
}

struct peer *peer_get(struct control *c, const struct ip_addr *local, const struct ip_addr *remote,
                      uint16_t remote_port)
{
	struct peer *p = peer_find(c, local, remote, remote_port);

	return p ? p : peer_create(c, local, remote, remote_port);
}

struct peer *peer_create(struct control *c, const struct ip_addr *local,
                         const struct ip_addr *remote, uint16_t remote_port)
{
	struct peer *p = slab_alloc(&c->peers);
	struct ip_addr next_hop, source;

	if (!p)
		return NULL;
	p->local = *local;
	p->remote = *remote;
	p->local_port = IKE_PORT;
	p->key_port = key_port_of(remote_port);
	p->remote_port = p->key_port ? p->key_port : IKE_PORT; // 4500 only once it has proved it
	if (dp_route_find(c->dp, remote, &p->iface, &next_hop, &source) < 0)
		p->iface = 0;
	dp_peer_watch(c->dp, p->slab.index, 0);
	chain_add(c, c->peers_by_port, p->remote_port, p);
	chain_add(c, c->peers_by_key, p->key_port, p);
	return p;
}

struct peer *peer_create_manual(struct control *c, const struct ip_addr *local,
                                const struct ip_addr *remote, uint16_t iface)
{
	struct peer *p = slab_alloc(&c->peers);

	if (!p)
		return NULL;
	p->manual = true;
	p->local = *local;
	p->remote = *remote;
	p->local_port = p->remote_port = IKE_PORT; // as IOS shows it
	p->iface = iface;
	dp_peer_watch(c->dp, p->slab.index, 0);
	return p;
}

int peer_identify(struct peer *p, const char *id)
{
	char addr[ADDR_TEXT];
	bool is_address = strcmp(id, addr_format(&p->remote, addr)) == 0;
	char *copy = is_address ? NULL : strdup(id);

	if (!is_address && !copy)
		return -ENOMEM;
	free(p->id);
	p->id = copy;
	p->id_is_address = is_address;
	return 0;
}

const char *peer_id(const struct peer *p, char buf[ADDR_TEXT])
{
	if (p->id_is_address)
		return addr_format(&p->remote, buf);
	return p->id ? p->id : "";
}

static uint32_t seconds_now(const struct control *c)
{
	return (uint32_t)(dp_now_us(c->dp) / 1000000);
}

uint32_t peer_up_seconds(const struct control *c, const struct peer *p)
{
	return seconds_now(c) - p->up_since;
}

void peer_set_state(struct control *c, struct peer *p, enum peer_state s)
{
	if (p->state == s || p->state == PEER_ENDING)
		return;
	if (s == PEER_UP || s == PEER_ENDING)
		p->since = c->now;
	if (s == PEER_UP)
		p->up_since = seconds_now(c);
	if (s == PEER_ENDING) {
		ike_sas_set_stranger(c, p, false);
		p->seeking = false;
		p->last_spi = 0;
	}
	if (s == PEER_ENDING && is_in_table(p)) {
		chain_del(c, c->peers_by_port, p->remote_port, p);
		chain_del(c, c->peers_by_key, p->key_port, p);
	}
	p->state = s;
}

void peer_note_life(struct peer *p, tick_t when)
{
	p->heard = p->have_heard ? tick_max(p->heard, when) : when;
	p->have_heard = true;
}

void peer_sas_gone(struct control *c, struct peer *p)
{
	if (p->state == PEER_ENDING && !p->sas_pending)
		teardown_bury(c, p);
	peer_release(c, p);
}

void peer_release(struct control *c, struct peer *p)
{
	if (p->children || p->waiting)
		return;
	if (p->ike_sas) { // which keep no place if they may be forged
		if (p->state != PEER_ENDING && ike_sas_are_forgeable(p)) {
			peer_timers_stop(c, p); // nor have it called
			ike_sas_set_stranger(c, p, true);
		}
		return;
	}
	peer_timers_stop(c, p);
	if (p->sas_pending)
		return;
	peer_set_state(c, p, PEER_ENDING);
	peer_log_end(c, p);
	dp_peer_watch(c->dp, p->slab.index, 0);
	free(p->id);
	slab_free(&c->peers, p);
}

struct ike_sa *peer_ike_sa(const struct peer *p)
{
	struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next)
		if (ike_sa_is_established(sa) && !sa->replaced)
			return sa;
	return NULL;
}

bool peer_is_negotiating(const struct peer *p)
{
	const struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next)
		if (sa->initiator ? sa->state < IKE_P1_COMPLETE
		                  : sa->state >= IKE_R_MM3 && sa->state < IKE_P1_COMPLETE)
			return true;
	return false;
}

bool peer_is_asked(const struct peer *p)
{
	const struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next)
		if (sa->initiator && ike_sa_awaits_peer(sa))
			return true;
	return false;
}

bool peer_waits_here(const struct peer *p)
{
	const struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next)
		if (sa->initiator && sa->state < IKE_P1_COMPLETE && !ike_sa_awaits_peer(sa))
			return true;
	return false;
}

bool peer_last_life(const struct control *c, const struct peer *p, tick_t *when)
{
	const struct child *ch;
	bool have = p->have_heard;
	tick_t t;

	*when = p->heard;
	for (ch = p->children; ch; ch = ch->next) {
		if (!dp_sa_last_in(c->dp, ch->in, &t))
			continue;
		*when = have ? tick_max(*when, t) : t;
		have = true;
	}
	return have;
}

// What comes up meanwhile is before the place in the list. But whoever brings up a child says so in
// IKE, which is life, so that nobody seeks it any more.
bool peer_seek_life(const struct control *c, struct peer *p, tick_t since, bool *have, tick_t *when)
{
	const struct child *ch = p->children;
	unsigned n = LIFE_AT_A_TIME;
	tick_t t;

	if (p->seeking)
		ch = slab_at(&c->children, p->seek_at);
	*have = p->have_heard;
	*when = p->heard;
	for (; ch && n; ch = ch->next, n--) {
		if (!dp_sa_last_in(c->dp, ch->in, &t))
			continue;
		*when = *have ? tick_max(*when, t) : t;
		*have = true;
	}
	p->seeking = ch && !(*have && tick_before(since, *when));
	if (p->seeking)
		p->seek_at = ch->slab.index;
	return !p->seeking;
}

void peer_skip_child(struct peer *p, const struct child *ch)
{
	if (!p->seeking || p->seek_at != ch->slab.index)
		return;
	p->seeking = ch->next; // else all are asked once more
	p->seek_at = ch->next ? ch->next->slab.index : 0;
}

uint32_t peer_negotiations_limit(const struct control *c)
{
	uint32_t limit = c->config->isakmp.negotiation_limit;

	return limit ? limit : HALF_OPEN_MAX;
}

bool peer_may_come(const struct control *c, const struct ip_addr *local,
                   const struct ip_addr *remote)
{
	uint32_t left = c->peers.limit / PEERS_NAMED_PART;

	left = left < c->named_peers ? left : c->named_peers;
	return c->peers.used - c->stranger_peers + left < c->peers.limit ||
	       flow_peer_is_named(c, local, remote);
}

uint32_t peer_ike_sas_counted(const struct control *c)
{
	return c->ike_sas.used - c->claims.n;
}

bool peer_is_admitted(const struct control *c, const struct peer *p)
{
	uint32_t limit = c->config->isakmp.sa_limit;

	return !limit || peer_ike_sas_counted(c) < limit || (p && (peer_ike_sa(p) || p->children));
}

void peer_for_each(const struct control *c, bool (*fn)(struct peer *p, void *arg), void *arg)
{
	for (uint32_t i = 0; i < c->peers.made; i++) {
		struct peer *p = slab_at(&c->peers, i);

		if (p && !fn(p, arg))
			return;
	}
}
