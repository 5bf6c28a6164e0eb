// Main mode: what both roles share, and the way from a message to its handler (RFC 2409, 5.4).
// Control core only. An unauthenticated message must change nothing but the handshake that it is
// for.
#include "main_mode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "control.h"
#include "handshake.h"
#include "ident.h"
#include "ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "info.h"
#include "natt.h"
#include "node.h"
#include "notify.h"
#include "output.h"
#include "peer.h"
#include "peer_log.h"
#include "peer_timers.h"
#include "secret.h"
#include "vendor.h"

void main_mode_bad(struct control *c, const struct ike_sa *sa, const char *what)
{
	char text[ADDR_TEXT];

	c->counters.ike_malformed++;
	if (output_may_log(c))
		log_msg(&c->log, LOG_WARNING, "CRYPTO", "IKMP_BAD_MESSAGE",
		        "IKE message from %s failed its sanity check or is malformed: %s",
		        addr_format(&sa->peer->remote, text), what);
}

void main_mode_begin(const struct ike_sa *sa, struct isakmp_message *m, void *buf, size_t size,
                     uint8_t flags)
{
	struct isakmp_header h = {
		.version = ISAKMP_VERSION_1,
		.exchange = ISAKMP_EXCHANGE_MAIN,
		.flags = flags,
	};

	memcpy(h.cookie_i, sa->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, sa->cookie_r, sizeof(h.cookie_r));
	isakmp_message_begin(m, buf, size, &h);
}

void main_mode_fail(struct control *c, struct ike_sa *sa, const char *why)
{
	struct peer *p = sa->peer;

	if (sa->initiator) {
		on_ike_failed(c, sa, why);
		return;
	}
	// Nothing that a stranger begins and leaves may disturb what is established.
	ike_debug_line(c, sa, "negotiation ended in state %s: %s", ike_state_name(sa->state), why);
	c->counters.negotiations_failed++;
	ike_sa_destroy(c, sa);
	if (p->waiting || (p->forsaken && !peer_ike_sa(p)))
		on_tunnel_wanted(c, p);
	else
		peer_release(c, p);
}

static void gave_up(struct control *c, struct retransmit *r)
{
	const char *refused = r->sa->handshake->refused;

	main_mode_fail(c, r->sa, refused ? refused : "no answer");
}

int main_mode_send(struct control *c, struct ike_sa *sa, struct isakmp_message *m, bool sealed)
{
	struct handshake *hs = sa->handshake;
	int len;

	if (sealed)
		len = ike1_message_seal(c->crypto, &sa->suite, &sa->keys, sa->keys.iv, m);
	else
		len = (int)isakmp_message_end(m);
	if (len <= 0)
		return len < 0 ? len : -EMSGSIZE;
	return retransmit_start(c, &hs->retransmit, sa, m->w.start, (uint16_t)len, sa->initiator,
	                        gave_up);
}

void main_mode_read_vendors(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain)
{
	uint32_t set = vendor_scan(chain);

	for (unsigned v = VENDOR_UNKNOWN + 1; v < VENDOR_COUNT; v++)
		if (vendor_has(set, (enum vendor)v))
			ike_debug_line(c, sa, " vendor ID is %s", vendor_name((enum vendor)v));
	sa->peer_dpd = sa->peer_dpd || vendor_has(set, VENDOR_DPD);
	sa->peer_ours = sa->peer_ours || vendor_has(set, VENDOR_VIGIL);
	// RFC 3947, 3.1: in the first two messages, or not at all.
	if (sa->state <= IKE_I_MM1 || sa->state == IKE_R_MM1)
		sa->peer_nat_t = vendor_has(set, VENDOR_NAT_T);
}

void main_mode_write_exchange(struct control *c, const struct ike_sa *sa, struct isakmp_message *m)
{
	const struct handshake *hs = sa->handshake;
	const struct nonce *nonce = sa->initiator ? &hs->nonce_i : &hs->nonce_r;

	isakmp_payload_put(m, ISAKMP_KE, hs->dh.public_value, hs->dh.public_len);
	isakmp_payload_put(m, ISAKMP_NONCE, nonce->bytes, nonce->len);
	if (sa->peer_nat_t)
		natt_write(c, sa, m);
}

int main_mode_read_exchange(struct control *c, struct ike_sa *sa, const struct isakmp_chain *chain)
{
	struct handshake *hs = sa->handshake;
	const struct isakmp_payload *ke = isakmp_chain_find(chain, ISAKMP_KE, 0);
	const struct isakmp_payload *nonce = isakmp_chain_find(chain, ISAKMP_NONCE, 0);

	if (!ke || !nonce || isakmp_chain_count(chain, ISAKMP_KE) != 1 ||
	    isakmp_chain_count(chain, ISAKMP_NONCE) != 1)
		return -EBADMSG;
	if (!dh_public_plausible(sa->suite.group, ke->body, ke->len))
		return -EBADMSG;
	ike_debug_line(c, sa, " processing KE payload. message ID = 0");
	ike_debug_line(c, sa, " processing NONCE payload. message ID = 0");
	memcpy(hs->peer_public, ke->body, ke->len);
	hs->peer_public_len = ke->len;
	return nonce_take(sa->initiator ? &hs->nonce_r : &hs->nonce_i, nonce->body, nonce->len);
}

int main_mode_make_keys(struct control *c, struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;
	struct ike1_phase1 in;
	int err = handshake_inputs(c, sa, &in);

	if (err < 0)
		return err;
	err = keymat_phase1(c->crypto, &sa->suite, &in, &sa->keys, &hs->skeyid);
	if (err == 0)
		ike_debug_line(c, sa, "SKEYID state generated");
	return err;
}

// HASH_I or HASH_R over the body of an ID payload (RFC 2409, 5).
static int auth_hash(struct control *c, const struct ike_sa *sa, bool of_initiator,
                     struct ike_chunk id, uint8_t *out)
{
	struct ike1_phase1 in;
	int err = handshake_inputs(c, sa, &in);

	if (err < 0)
		return err;
	if (of_initiator)
		return keymat_hash_i(c->crypto, &sa->suite, &in, &sa->handshake->skeyid, id, out);
	return keymat_hash_r(c->crypto, &sa->suite, &in, &sa->handshake->skeyid, id, out);
}

static bool is_only_sa(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	for (other = sa->peer->ike_sas; other; other = other->next)
		if (other != sa && ike_sa_is_established(other))
			return false;
	return !sa->peer->children;
}

// As IOS says it: with the domain, if there is one.
static void write_name(const struct config *config, struct isakmp_message *m, bool nat)
{
	char name[CONFIG_NAME + CONFIG_DOMAIN]; // both with a NUL, of which one is the dot

	snprintf(name, sizeof(name), "%s%s%s", config->hostname, config->domain[0] ? "." : "",
	         config->domain);
	ident_write_fqdn(m, name, nat);
}

int main_mode_write_auth(struct control *c, struct ike_sa *sa, struct isakmp_message *m)
{
	size_t at = writer_len(&m->w) + ISAKMP_PAYLOAD_HEADER;
	bool nat = sa->local_port == ISAKMP_PORT_NAT;
	uint8_t hash[IKE_HASH_MAX];
	struct ike_chunk id;
	int err;

	if (c->config->isakmp.identity == CONFIG_IDENTITY_HOSTNAME)
		write_name(c->config, m, nat);
	else
		ident_write_addr(m, &sa->peer->local, nat);
	if (!writer_ok(&m->w))
		return -EMSGSIZE;
	id = (struct ike_chunk){m->w.start + at, writer_len(&m->w) - at};
	err = auth_hash(c, sa, sa->initiator, id, hash);
	if (err < 0)
		return err;
	isakmp_payload_put(m, ISAKMP_HASH, hash, suite_hash_len(sa->suite.hash));
	// Either side may say so (RFC 2407, 4.6.3.3): of a peer that has restarted we may be the
	// one who begins. Behind a NAT the port may be new, and what we have another's.
	if ((sa->initiator || !sa->nat_remote) && is_only_sa(sa)) {
		ike_debug_line(c, sa, "Send initial contact");
		notify_write_initial_contact(m, sa->cookie_i, sa->cookie_r);
	}
	return 0;
}

static int check_auth(struct control *c, const struct ike_sa *sa, const struct isakmp_chain *chain,
                      struct ident *id)
{
	const struct isakmp_payload *idp = isakmp_chain_find(chain, ISAKMP_ID, 0);
	const struct isakmp_payload *hash = isakmp_chain_find(chain, ISAKMP_HASH, 0);
	unsigned hash_len = suite_hash_len(sa->suite.hash);
	uint8_t expected[IKE_HASH_MAX];
	int err;

	if (!idp || !hash || isakmp_chain_count(chain, ISAKMP_ID) != 1 || hash->len != hash_len)
		return -EBADMSG;
	err = ident_read(idp, id);
	if (err < 0)
		return err;
	err = ident_check_phase1(id);
	if (err < 0)
		return err;
	err = auth_hash(c, sa, !sa->initiator, (struct ike_chunk){idp->body, idp->len}, expected);
	if (err < 0)
		return err;
	return secret_equal(expected, hash->body, hash_len) ? 0 : -EACCES;
}

int main_mode_read_auth(struct control *c, struct ike_sa *sa, struct main_mode_message *in,
                        char who[IDENT_TEXT])
{
	struct ident id;
	int err;

	if (!(in->header->flags & ISAKMP_FLAG_ENCRYPTED))
		return -EPROTO;
	err = ike1_message_open(c->crypto, &sa->suite, &sa->keys, sa->keys.iv, in->next_iv,
	                        in->header, in->view->data, in->plain, sizeof(in->plain),
	                        &in->chain);
	if (err == 0)
		err = check_auth(c, sa, &in->chain, &id);
	if (err < 0)
		return err;
	ident_format(&id, who);
	main_mode_read_vendors(c, sa, &in->chain); // some tell only here that they do DPD
	memcpy(sa->keys.iv, in->next_iv, sizeof(sa->keys.iv));
	ike_debug_line(c, sa, " processing ID payload. message ID = 0");
	ike_debug_line(c, sa, " processing HASH payload. message ID = 0");
	ike_debug_line(c, sa, "SA authentication status: authenticated");
	ike_debug_line(c, sa, "SA has been authenticated with %s", who);
	return 0;
}

static void warn_weak(struct control *c, const struct ike_sa *sa)
{
	const struct ike_suite *s = &sa->suite;
	char addr[ADDR_TEXT], suite[SUITE_TEXT];

	if (s->cipher == IKE_CIPHER_AES && s->hash != IKE_HASH_MD5 && s->group > 5)
		return;
	if (!peer_log_may(c, sa->peer, PEER_LOG_REMARK))
		return;
	log_msg(&c->log, LOG_NOTICE, "CRYPTO", "IKMP_WEAK",
	        "Phase 1 with %s uses weak algorithms: %s", addr_format(&sa->peer->remote, addr),
	        suite_format(s, suite));
}

static void report_dpd(struct control *c, const struct ike_sa *sa)
{
	if (!c->config->isakmp.keepalive.seconds)
		return;
	if (sa->peer_dpd)
		ike_debug_line(c, sa, "IKE_DPD is enabled, initializing timers");
	else
		ike_debug_line(c, sa, "peer does not do DPD, no probes will be sent");
}

void main_mode_established(struct control *c, struct ike_sa *sa, const struct main_mode_message *in,
                           const void *answer, uint16_t answer_len)
{
	struct peer *p = sa->peer;
	bool initial_contact = info_has_initial_contact(c, sa, &in->chain, 0), moved;

	node_add(c, sa, 0, in->hash, answer, answer_len, false);
	handshake_destroy(c, sa);
	ike_debug_line(c, sa, "Input = IKE_MSG_INTERNAL, IKE_PROCESS_COMPLETE");
	ike_sa_set_state(c, sa, IKE_P1_COMPLETE);
	sa->established = c->now;
	sa->turn_first = c->now + ticks_from_seconds(RENEWAL_TURNS_APART);
	dp_ike_mark(c->dp, sa->slab.index, ike_sa_tag(sa)); // however many messages that took
	p->local_port = sa->local_port;
	moved = sa->nat_remote && sa->local_port == ISAKMP_PORT_NAT &&
	        p->remote_port != sa->remote_port;
	peer_set_port(c, p, sa->remote_port);
	p->nat_local = sa->nat_local;
	p->nat_remote = sa->nat_remote;
	if (moved) // its NAT has another port for it than when they were made
		natt_move_children(c, p);
	warn_weak(c, sa);
	report_dpd(c, sa);
	if (initial_contact)
		on_initial_contact(c, sa);
	info_take_lifetime(c, sa, &in->chain);
	on_ike_established(c, sa);
}

// A second copy of what was answered last; true if it was one.
static bool is_copy(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                    const uint8_t hash[IKE_NODE_HASH])
{
	struct handshake *hs = sa->handshake;
	struct ike_node *n = hs ? NULL : node_find(c, sa, 0);

	if (hs && memcmp(hs->retransmit.request, hash, IKE_NODE_HASH) == 0) {
		if (hs->dh_pending || sa->initiator)
			c->counters.ike_duplicates++; // the answer comes, or our timer repeats it
		else
			retransmit_answer(c, &hs->retransmit);
		return true;
	}
	if (!n || memcmp(n->hash, hash, IKE_NODE_HASH) != 0)
		return false;
	c->counters.ike_duplicates++;
	if (n->answer)
		output_send_to(c, sa, natt_answer_port(sa, v), n->answer, n->answer_len);
	return true;
}

static bool take(struct control *c, struct ike_sa *sa, struct main_mode_message *in)
{
	switch ((enum ike_state)sa->state) {
	case IKE_I_MM1:
		main_mode_take_2(c, sa, in);
		return true;
	case IKE_R_MM2:
		main_mode_take_3(c, sa, in);
		return true;
	case IKE_I_MM3:
		main_mode_take_4(c, sa, in);
		return true;
	case IKE_R_MM4:
		main_mode_take_5(c, sa, in);
		return true;
	case IKE_I_MM5:
		main_mode_take_6(c, sa, in);
		return true;
	default:
		return false;
	}
}

void main_mode_input(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                     const struct isakmp_header *h)
{
	bool encrypted = h->flags & ISAKMP_FLAG_ENCRYPTED;
	bool expects_encrypted = sa->state == IKE_R_MM4 || sa->state == IKE_I_MM5;
	struct main_mode_message in = {.view = v, .header = h};

	node_hash(c, v->data, v->len, in.hash);
	ike_debug_received(c, sa, v);
	if (is_copy(c, sa, v, in.hash))
		return;
	// Only who has seen our answer knows both cookies: a forged address has not.
	if (sa->state != IKE_I_MM1 && memcmp(h->cookie_r, sa->cookie_r, sizeof(h->cookie_r)) != 0) {
		c->counters.ike_unauthentic++;
		return;
	}
	if (!sa->handshake || encrypted != expects_encrypted || h->message_id) {
		c->counters.ike_duplicates++; // a late copy of an older message
		return;
	}
	if (!encrypted && isakmp_chain_read(h->next, v->data + ISAKMP_HEADER,
	                                    v->len - ISAKMP_HEADER, false, &in.chain) < 0) {
		main_mode_bad(c, sa, "payloads of main mode");
		return;
	}
	ike_debug_line(c, sa, "Input = IKE_MSG_FROM_PEER, IKE_MM_EXCH");
	if (!take(c, sa, &in))
		c->counters.ike_duplicates++;
	secret_wipe(in.plain, sizeof(in.plain));
}

void main_mode_dh_done(struct control *c, struct ike_sa *sa, const struct dh_result *r)
{
	struct handshake *hs = sa->handshake;

	if (!hs || !hs->dh_pending)
		return;
	hs->dh_pending = false;
	if (r->error < 0) {
		main_mode_fail(c, sa, "Diffie-Hellman value of the peer");
		return;
	}
	if (r->kind != DH_SHARED)
		hs->dh = r->key;
	if (r->kind != DH_GENERATE) {
		memcpy(hs->secret, r->secret, r->secret_len);
		hs->secret_len = r->secret_len;
	}
	if (sa->state == IKE_I_MM2)
		main_mode_send_3(c, sa);
	else if (sa->state == IKE_R_MM3)
		main_mode_send_4(c, sa);
	else if (sa->state == IKE_I_MM4)
		main_mode_send_5(c, sa);
}
