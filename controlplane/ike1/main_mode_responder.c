// Main mode as responder: messages 1, 3 and 5 in, 2, 4 and 6 out (RFC 2409, 5.4). Control core
// only. What a stranger can make us keep is bounded in number and time.
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "control.h"
#include "flow.h"
#include "handshake.h"
#include "ike1.h"
#include "ike_debug.h"
#include "info.h"
#include "main_mode.h"
#include "natt.h"
#include "node.h"
#include "output.h"
#include "peer.h"
#include "proposal.h"
#include "secret.h"
#include "vendor.h"

static void refuse(struct control *c, const struct dp_view *v, const char *why)
{
	char text[ADDR_TEXT];

	c->counters.ike_refused++;
	if (output_may_log(c))
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "IKMP_MODE_FAILURE",
		        "Processing of Main mode failed with peer at %s: %s",
		        addr_format(&v->src, text), why);
}

static void deny(struct control *c, const struct dp_view *v)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];

	if (output_may_log(c))
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "IKE_DENY_SA_REQ",
		        "IKE denied an INCOMING SA request from %s to %s due to IKE SA LIMIT "
		        "REACHED",
		        addr_format(&v->src, from), addr_format(&v->dst, to));
}

// The negotiation that a repeated first message belongs to.
static struct ike_sa *find_by_initiator(const struct peer *p, const uint8_t cookie_i[8])
{
	struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next)
		if (!sa->initiator && memcmp(sa->cookie_i, cookie_i, 8) == 0)
			return sa;
	return NULL;
}

// Strangers do not take the last places for peers: with whom this side begins needs one too, and
// cannot wait for one as long as they come.
static void leave_places(struct control *c)
{
	uint32_t others = c->peers.used - c->stranger_peers;
	uint32_t left = (c->peers.limit - others) / 4; // of what strangers may have at all

	left = left < PEERS_LEFT ? left : PEERS_LEFT;
	for (unsigned n = 0; n < 2 && c->peers.used + left >= c->peers.limit; n++)
		ike_sa_evict_stranger(c);
}

// Has this peer an IKE SA or children, and not begun much? It is not kept out by what others begin.
static bool has_a_place(const struct peer *p)
{
	const struct ike_sa *sa;
	unsigned begun = 0;

	if (!p || (!peer_ike_sa(p) && !p->children))
		return false;
	for (sa = p->ike_sas; sa; sa = sa->next)
		begun += !sa->initiator && sa->state < IKE_P1_COMPLETE;
	return begun < HALF_OPEN_OF_KNOWN;
}

// The IKE SA that a phase 1 of this peer, which may be NULL, renews, so that it goes before others.
// NULL: it has none, or that has had such a turn lately.
static struct ike_sa *renewable_sa(const struct control *c, const struct peer *p)
{
	struct ike_sa *sa = p ? peer_ike_sa(p) : NULL;

	return sa && !tick_before(c->now, sa->turn_first) ? sa : NULL;
}

// Do so many wait that a turn of this peer, which may be NULL, would come when it has given up?
// Those that renew go first.
static bool line_is_long(const struct control *c, const struct peer *p)
{
	uint64_t rate = c->config->isakmp.rate_limit;
	uint32_t before = c->renewing.n + (renewable_sa(c, p) ? 0 : c->arriving.n);

	return rate && before >= rate * ADMIT_WITHIN;
}

// Does its address have its share of those that wait? However many negotiations it has begun, some
// of the line is for others.
static bool has_its_share(const struct control *c, const struct peer *p)
{
	uint64_t rate = c->config->isakmp.rate_limit, share = rate * ADMIT_WITHIN / ADMIT_SHARE;

	if (share < HALF_OPEN_OF_KNOWN)
		share = HALF_OPEN_OF_KNOWN;
	return rate && ike_sa_waiting_at(c, &p->local, &p->remote) >= share;
}

// Are there as many of its kind as may be under way? What claims to be of peers that are here
// counts by itself: neither such claims nor strangers keep the others out.
static bool is_many(const struct control *c, bool claim)
{
	uint32_t limit = peer_negotiations_limit(c), part = c->peers.limit / CLAIMS_PART;

	if (claim)
		return c->claims.n >= (part > limit ? part : limit);
	return c->responding - c->claims.n >= limit;
}

// Room for another negotiation that this address begins, with a known peer or NULL. One whose
// responder cookie never came back makes room, since it may be a forger's, or one that was left
// after message 4.
static bool make_room(struct control *c, const struct dp_view *v, const struct peer *known)
{
	bool from_here = ike_sa_begun_at(c, &v->dst, &v->src) >= HALF_OPEN_PER_ADDRESS;
	bool claim = known && !known->stranger;
	struct ike_sa *oldest;

	if (!known)
		leave_places(c);
	if (from_here && !has_a_place(known)) {
		oldest = ike_sa_dispensable(c, &v->dst, &v->src);
	} else if (is_many(c, claim)) {
		oldest = claim ? c->claims.oldest : ike_sa_dispensable(c, NULL, NULL);
	} else {
		if (!known && c->peers.used == c->peers.limit)
			ike_sa_evict_stranger(c);
		ike_sa_make_place(c, known);
		return true; // as far as what may be forged is concerned
	}
	if (!oldest)
		return false;
	main_mode_fail(c, oldest, "another one needs the room");
	return true;
}

static int choose(struct control *c, const struct dp_view *v, const struct isakmp_header *h,
                  const struct isakmp_payload *offer, struct ike_choice *choice)
{
	struct ike_suite ours[HANDSHAKE_POLICIES];
	unsigned n = handshake_policies(c->config, ours);
	int err;

	err = proposal_choose_ike(offer->body, offer->len, ours, n, choice);
	if (err == -ENOENT) {
		refuse(c, v, "no isakmp policy fits its proposal");
		info_refuse_stranger(c, v, h, NOTIFY_NO_PROPOSAL_CHOSEN);
	} else if (err < 0) {
		c->counters.ike_malformed++;
	}
	return err;
}

// Message 2: the choice, and what we can do.
static int send_2(struct control *c, struct ike_sa *sa, const struct ike_choice *choice)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;
	int err;

	main_mode_begin(sa, &m, buf, sizeof(buf), 0);
	proposal_write_ike_answer(&m, choice);
	if (sa->peer_nat_t)
		vendor_write(&m, VENDOR_NAT_T);
	vendor_write(&m, VENDOR_DPD);
	vendor_write(&m, VENDOR_VIGIL);
	err = main_mode_send(c, sa, &m, false);
	if (err == 0)
		ike_sa_set_state(c, sa, IKE_R_MM2);
	return err;
}

static int begin(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                 const struct isakmp_chain *chain, const struct ike_choice *choice)
{
	const struct isakmp_payload *offer = isakmp_chain_find(chain, ISAKMP_SA, 0);
	int err;

	sa->local_port = v->dst_port;
	sa->remote_port = v->src_port;
	sa->suite = choice->suite;
	ike_debug_received(c, sa, v);
	err = handshake_create(sa);
	if (err < 0)
		return err;
	err = handshake_keep_sa(sa->handshake, offer->body, offer->len);
	if (err < 0)
		return err;
	node_hash(c, v->data, v->len, sa->handshake->retransmit.request);
	ike_debug_line(c, sa, "Input = IKE_MSG_FROM_PEER, IKE_MM_EXCH");
	ike_sa_set_state(c, sa, IKE_R_MM1);
	ike_debug_line(c, sa, " processing SA payload. message ID = 0");
	ike_debug_line(c, sa, "Checking ISAKMP transform %u against priority %u policy",
	               choice->raw.transform, handshake_priority(c->config, choice->raw.index));
	ike_debug_line(c, sa, "atts are acceptable. Next payload is 0");
	main_mode_read_vendors(c, sa, chain);
	return send_2(c, sa, choice);
}

// Nothing begins, and a stranger's only negotiation may have made room for it.
static void give_up_place(struct control *c, const struct dp_view *v)
{
	struct peer *p = peer_find(c, &v->dst, &v->src, v->src_port);

	if (p && p->stranger)
		peer_release(c, p);
}

// A negotiation of a peer that may begin one.
static void respond(struct control *c, const struct dp_view *v, const struct isakmp_header *h,
                    const struct isakmp_chain *chain)
{
	struct ike_choice choice;
	struct ike_sa *sa;
	struct peer *p;

	if (choose(c, v, h, isakmp_chain_find(chain, ISAKMP_SA, 0), &choice) < 0) {
		give_up_place(c, v);
		return;
	}
	p = peer_get(c, &v->dst, &v->src, v->src_port);
	if (!p) {
		refuse(c, v, "the table of peers is full");
		return;
	}
	sa = ike_sa_create(c, p, false, h->cookie_i);
	if (sa && begin(c, sa, v, chain, &choice) < 0) {
		ike_sa_destroy(c, sa);
		sa = NULL;
	}
	if (!sa)
		peer_release(c, p);
}

void main_mode_respond(struct control *c, const struct dp_view *v, const struct isakmp_header *h)
{
	struct peer *p = peer_find(c, &v->dst, &v->src, v->src_port);
	struct ike_sa *sa = p ? find_by_initiator(p, h->cookie_i) : NULL;
	struct isakmp_chain chain;

	if (sa) {
		main_mode_input(c, sa, v, h);
		return;
	}
	if (!flow_peer_is_listed(c, &v->dst, &v->src)) {
		refuse(c, v, "no crypto map names this address");
		return;
	}
	if (c->stopping || !config_find_key(c->config, &v->src)) {
		refuse(c, v, "there is no pre-shared key for this address");
		return;
	}
	if (isakmp_chain_read(h->next, v->data + ISAKMP_HEADER, v->len - ISAKMP_HEADER, false,
	                      &chain) < 0 ||
	    (h->flags & ISAKMP_FLAG_ENCRYPTED) || h->message_id ||
	    isakmp_chain_count(&chain, ISAKMP_SA) != 1 || chain.payloads[0].type != ISAKMP_SA) {
		c->counters.ike_malformed++;
		return;
	}
	if (line_is_long(c, p)) { // it is repeated, which costs the peer nothing
		c->counters.admissions_delayed++;
		return;
	}
	if (!p && !peer_may_come(c, &v->dst, &v->src)) {
		c->counters.admissions_refused++;
		refuse(c, v, "the table of peers is full");
		return;
	}
	if (!make_room(c, v, p)) {
		c->counters.admissions_refused++;
		refuse(c, v, "too many negotiations are half open");
		return;
	}
	// It may have gone with its only negotiation.
	p = peer_find(c, &v->dst, &v->src, v->src_port);
	if (!peer_is_admitted(c, p)) {
		c->counters.admissions_refused++;
		deny(c, v);
		give_up_place(c, v);
		return;
	}
	respond(c, v, h, &chain);
}

// ---- Diffie-Hellman in turn ---------------------------------------------------------------------
// It costs more than all the rest, and who gets here has shown its address: so this is what is
// admitted at a rate, in the order of message 3. What waits is bounded as all negotiations are.

static int submit(struct control *c, struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;
	struct dh_job job = {.kind = DH_BOTH, .owner = slab_handle(sa)};

	job.key.group = sa->suite.group;
	memcpy(job.peer, hs->peer_public, hs->peer_public_len);
	job.peer_len = hs->peer_public_len;
	return dh_pool_submit(c->dh, &job);
}

void ike1_admit(struct control *c)
{
	uint32_t rate = c->config->isakmp.rate_limit;
	struct ike_sa *sa;

	// Who renews an IKE SA goes first, once in a while; but so does who has restarted, so it
	// takes a turn as well.
	while ((sa = c->renewing.first ? c->renewing.first : c->arriving.first)) {
		if (dh_pool_pending(c->dh) >= ADMIT_AHEAD)
			return;
		if (!admission_take(&c->admit_theirs, rate, c->now))
			return;
		if (submit(c, sa) < 0) { // the helpers are busy
			admission_give_back(&c->admit_theirs, rate);
			return;
		}
		handshake_leave_line(sa);
	}
}

static void join_line(struct control *c, struct ike_sa *sa)
{
	struct ike_sa *old = renewable_sa(c, sa->peer);

	if (old)
		old->turn_first = c->now + ticks_from_seconds(RENEWAL_TURNS_APART);
	handshake_join_line(sa, old ? &c->renewing : &c->arriving);
}

void main_mode_take_3(struct control *c, struct ike_sa *sa, struct main_mode_message *in)
{
	struct handshake *hs = sa->handshake;
	const struct peer *p = sa->peer;

	// From here on it keeps its place, which others may have taken since message 1.
	if (p->stranger && !peer_may_come(c, &p->local, &p->remote)) {
		c->counters.admissions_refused++;
		refuse(c, in->view, "the table of peers is full");
		main_mode_fail(c, sa, "there is no room for another peer");
		return;
	}
	// And counts where IKE SAs are limited, which a claim has not done until now.
	if (sa->queue == IKE_IN_CLAIMS && !peer_is_admitted(c, p)) {
		c->counters.admissions_refused++;
		deny(c, in->view);
		main_mode_fail(c, sa, "there is no room for another IKE SA");
		return;
	}
	// It is repeated, and this waits for that.
	if (line_is_long(c, sa->peer) || has_its_share(c, sa->peer)) {
		c->counters.admissions_delayed++;
		ike_sa_has_answered(c, sa);
		retransmit_pause(c, &hs->retransmit);
		return;
	}
	if (main_mode_read_exchange(c, sa, &in->chain) < 0) {
		main_mode_bad(c, sa, "key exchange or nonce of message 3");
		return;
	}
	hs->dh_pending = true;
	memcpy(hs->retransmit.request, in->hash, IKE_NODE_HASH);
	main_mode_read_vendors(c, sa, &in->chain);
	natt_detect(c, sa, &in->chain, in->view);
	ike_sa_set_state(c, sa, IKE_R_MM3);
	join_line(c, sa);
	ike1_admit(c);
	if (hs->line)
		c->counters.admissions_delayed++;
}

void main_mode_send_4(struct control *c, struct ike_sa *sa)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;
	int err;

	nonce_make(&sa->handshake->nonce_r);
	main_mode_begin(sa, &m, buf, sizeof(buf), 0);
	main_mode_write_exchange(c, sa, &m);
	err = main_mode_make_keys(c, sa);
	if (err == 0)
		err = main_mode_send(c, sa, &m, false);
	if (err < 0) {
		main_mode_fail(c, sa, "message 4 could not be made");
		return;
	}
	ike_sa_set_state(c, sa, IKE_R_MM4);
}

void main_mode_take_5(struct control *c, struct ike_sa *sa, struct main_mode_message *in)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX], answer[OUTPUT_MESSAGE_MAX];
	char who[IDENT_TEXT];
	struct isakmp_message m;
	uint16_t len;
	int err;

	if (main_mode_read_auth(c, sa, in, who) < 0) {
		c->counters.ike_unauthentic++;
		main_mode_bad(c, sa,
		              "identity or hash of message 5 (is the pre-shared key the same?)");
		return;
	}
	// Only now other ports are believed, which no hash covers: behind a NAT any, else that the
	// initiator has floated to 4500 (RFC 3947, 4).
	if (sa->nat_local || sa->nat_remote ||
	    (in->view->dst_port == ISAKMP_PORT_NAT && in->view->src_port == ISAKMP_PORT_NAT)) {
		sa->local_port = in->view->dst_port;
		sa->remote_port = in->view->src_port;
	}
	if (natt_settle(c, sa, who) < 0) {
		main_mode_fail(c, sa, "there is no room for another peer");
		return;
	}
	ike_sa_set_state(c, sa, IKE_R_MM5);
	main_mode_begin(sa, &m, buf, sizeof(buf), ISAKMP_FLAG_ENCRYPTED);
	err = main_mode_write_auth(c, sa, &m);
	if (err == 0)
		err = main_mode_send(c, sa, &m, true);
	if (err < 0) {
		main_mode_fail(c, sa, "message 6 could not be made");
		return;
	}
	len = sa->handshake->retransmit.len;
	memcpy(answer, sa->handshake->retransmit.message, len);
	main_mode_established(c, sa, in, answer, len);
}
