// NAT traversal of IKEv1 (RFC 3947). Control core only. Must not believe a port that no
// authenticated message came from.
#include "natt.h"

#include <errno.h>
#include <string.h>

#include "addr.h"
#include "control.h"
#include "ident.h"
#include "ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "keymat.h"
#include "peer.h"
#include "peer_timers.h"

static int nat_d(struct control *c, const struct ike_sa *sa, const struct ip_addr *addr,
                 uint16_t port, uint8_t out[IKE_HASH_MAX])
{
	return keymat_nat_d(c->crypto, sa->suite.hash, sa->cookie_i, sa->cookie_r, addr, port, out);
}

void natt_write(struct control *c, const struct ike_sa *sa, struct isakmp_message *m)
{
	uint8_t hash[IKE_HASH_MAX];
	unsigned len = suite_hash_len(sa->suite.hash);

	if (nat_d(c, sa, &sa->peer->remote, sa->remote_port, hash) < 0)
		return;
	isakmp_payload_put(m, ISAKMP_NAT_D, hash, len);
	if (nat_d(c, sa, &sa->peer->local, sa->local_port, hash) < 0)
		return;
	isakmp_payload_put(m, ISAKMP_NAT_D, hash, len);
}

static void write_address(struct isakmp_message *m, const struct ip_addr *a)
{
	isakmp_payload_begin(m, ISAKMP_NAT_OA);
	writer_u8(&m->w, a->family == 6 ? IDENT_IPV6 : IDENT_IPV4);
	writer_zero(&m->w, 3);
	writer_put(&m->w, a->bytes, addr_size(a->family));
	isakmp_payload_end(m);
}

void natt_write_addresses(const struct peer *p, bool initiator, struct isakmp_message *m)
{
	write_address(m, initiator ? &p->local : &p->remote);
	write_address(m, initiator ? &p->remote : &p->local);
}

static bool nat_d_is(struct control *c, const struct ike_sa *sa, const struct isakmp_payload *p,
                     const struct ip_addr *addr, uint16_t port)
{
	uint8_t hash[IKE_HASH_MAX];
	unsigned len = suite_hash_len(sa->suite.hash);

	return p->len == len && nat_d(c, sa, addr, port, hash) == 0 &&
	       memcmp(p->body, hash, len) == 0;
}

void natt_detect(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain,
                 const struct dp_view *v)
{
	const struct isakmp_payload *p = isakmp_chain_find(chain, ISAKMP_NAT_D, 0);

	sa->nat_local = sa->nat_remote = false;
	if (!sa->peer_nat_t || isakmp_chain_count(chain, ISAKMP_NAT_D) < 2)
		return;
	ike_debug_line(c, sa, " processing NAT-D payload. message ID = 0");
	// The first is about where it was sent: us, as the peer sees us.
	sa->nat_local = !nat_d_is(c, sa, p, &v->dst, v->dst_port);
	// The others are the addresses that it may have sent from.
	sa->nat_remote = true;
	for (unsigned i = 1; (p = isakmp_chain_find(chain, ISAKMP_NAT_D, i)); i++)
		if (nat_d_is(c, sa, p, &v->src, v->src_port))
			sa->nat_remote = false;
	if (sa->nat_local)
		ike_debug_line(c, sa, "NAT found, this side is behind it");
	if (sa->nat_remote)
		ike_debug_line(c, sa, "NAT found, the peer is behind it");
}

void natt_float(struct ike_sa *sa)
{
	if ((!sa->nat_local && !sa->nat_remote) || sa->local_port == ISAKMP_PORT_NAT)
		return;
	sa->local_port = ISAKMP_PORT_NAT;
	sa->remote_port = ISAKMP_PORT_NAT;
}

static bool is_called(const struct peer *p, const char *who)
{
	char buf[ADDR_TEXT];

	return strcmp(peer_id(p, buf), who) == 0;
}

// Has the peer been heard so lately that it cannot be the one who begins anew by another port?
#define HEARD_LATELY ticks_from_seconds(20)

static bool lives(const struct control *c, const struct peer *p)
{
	tick_t life;

	// A worker's clock may be a little ahead of ours.
	return peer_last_life(c, p, &life) && tick_diff(c->now, life) < (int32_t)HEARD_LATELY;
}

bool natt_is_another(const struct control *c, const struct ike_sa *sa, const char *who)
{
	const struct peer *p = sa->peer;
	char buf[ADDR_TEXT];

	if ((!sa->nat_remote && !p->nat_remote) || !peer_id(p, buf)[0] ||
	    (!p->children && !p->ike_sas->next))
		return false;
	// That there is no NAT is its own word, and it may be a neighbour, or who had the address
	// before the NAT.
	if (!sa->nat_remote)
		return !sa->initiator && (!is_called(p, who) || lives(c, p));
	// One that has its name, and message 1's port after it, while the NAT knows it by another
	// port than the one that message 5 came from: names are not always different.
	return !is_called(p, who) || (!sa->initiator && p->nat_remote &&
	                              p->remote_port != sa->remote_port && lives(c, p));
}

// The one behind the address who has this name and comes from this port. A name alone proves
// nothing among those who have one key.
static struct peer *find_by_name(const struct control *c, const struct ike_sa *sa, const char *who)
{
	const struct peer *nobody = sa->peer;
	struct peer *p = NULL;

	while ((p = peer_next_at(c, &nobody->local, &nobody->remote, sa->remote_port, p)))
		if (p != nobody && p->nat_remote == sa->nat_remote && is_called(p, who))
			return p;
	return NULL;
}

// One more behind the address, known by the port that message 1 told.
static struct peer *another_peer(struct control *c, const struct ike_sa *sa)
{
	const struct peer *p = sa->peer;
	uint32_t limit = c->config->isakmp.sa_limit;

	errno = ENOSPC;
	if ((limit && peer_ike_sas_counted(c) > limit) || !peer_may_come(c, &p->local, &p->remote))
		return NULL;
	return peer_create(c, &p->local, &p->remote, p->key_port ? p->key_port : ISAKMP_PORT);
}

int natt_settle(struct control *c, struct ike_sa *sa, const char *who)
{
	struct peer *p = sa->peer, *whose = NULL;
	char buf[ADDR_TEXT];

	if (sa->nat_remote && !peer_id(p, buf)[0]) {
		// Nobody yet: message 1 came from a new port, but this may be the old one.
		whose = find_by_name(c, sa, who);
	} else if (natt_is_another(c, sa, who)) {
		whose = find_by_name(c, sa, who);
		if (!whose)
			whose = another_peer(c, sa);
		if (!whose)
			return -errno;
	}
	if (!whose)
		return peer_identify(p, who);
	ike_debug_line(c, sa, "%s is another one behind the NAT than its first port told", who);
	ike_sa_hand_over(c, sa, whose);
	if (p->waiting) // for what was taken for its phase 1
		on_tunnel_wanted(c, p);
	else
		peer_release(c, p);
	return peer_identify(whose, who);
}

void natt_move_children(struct control *c, struct peer *p)
{
	on_place_changed(c, p);
}

// RFC 3947, 4 has it for who is behind no NAT itself, lest both sides follow each other. A gateway
// that is called stands behind one that keeps its address and port, or it could not be.
static bool is_followed(const struct ike_sa *sa, const struct dp_view *v)
{
	return sa->nat_remote && v->dst_port == ISAKMP_PORT_NAT;
}

bool natt_is_elsewhere(const struct ike_sa *sa, const struct dp_view *v)
{
	return !addr_equal(&sa->peer->remote, &v->src);
}

uint16_t natt_answer_port(const struct ike_sa *sa, const struct dp_view *v)
{
	if (!is_followed(sa, v) || natt_is_elsewhere(sa, v) || v->src_port == sa->remote_port)
		return 0;
	return v->src_port;
}

bool natt_may_be_its(const struct ike_sa *sa, const struct dp_view *v)
{
	return ike_sa_is_established(sa) && is_followed(sa, v) &&
	       addr_equal(&sa->peer->local, &v->dst);
}

bool natt_is_heard(const struct control *c, const struct ike_sa *sa, const struct dp_view *v)
{
	return !natt_is_elsewhere(sa, v) || peer_may_be_at(c, sa->peer, &v->src);
}

bool natt_follow(struct control *c, struct ike_sa *sa, const struct dp_view *v)
{
	bool elsewhere = natt_is_elsewhere(sa, v);

	if (!is_followed(sa, v) || (!elsewhere && v->src_port == sa->remote_port))
		return false;
	return on_peer_moved(c, sa->peer, &v->src, v->src_port) && elsewhere;
}

enum sa_encap natt_encap(const struct ike_sa *sa)
{
	return sa->nat_local || sa->nat_remote ? SA_ENCAP_UDP : SA_ENCAP_NONE;
}

void ike1_nat_keepalive(struct control *c, struct peer *p)
{
	static const uint8_t byte = 0xff;
	struct dp_datagram d = {
		.src = p->local,
		.dst = p->remote,
		.src_port = p->local_port,
		.dst_port = p->remote_port,
		.data = &byte,
		.len = 1,
	};

	dp_datagram_send(c->dp, &d);
}
