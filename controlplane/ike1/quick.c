// Quick mode: what both roles share, and the way from a message to its handler (RFC 2409, 5.5).
// Control core only. Nothing of a message is believed before its hash held.
#include "quick.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "child.h"
#include "control.h"
#include "ike1.h"
#include "ike_debug.h"
#include "ike_sa.h"
#include "natt.h"
#include "node.h"
#include "output.h"
#include "peer.h"
#include "peer_log.h"
#include "peer_timers.h"
#include "secret.h"

void quick_begin(const struct exchange *x, struct isakmp_message *m, void *buf, size_t size)
{
	struct isakmp_header h = {
		.version = ISAKMP_VERSION_1,
		.exchange = ISAKMP_EXCHANGE_QUICK,
		.flags = ISAKMP_FLAG_ENCRYPTED,
		.message_id = x->message_id,
	};

	memcpy(h.cookie_i, x->sa->cookie_i, sizeof(h.cookie_i));
	memcpy(h.cookie_r, x->sa->cookie_r, sizeof(h.cookie_r));
	ike1_message_begin(m, buf, size, &h, &x->sa->suite);
}

struct ike1_quick quick_inputs(const struct exchange *x)
{
	return (struct ike1_quick){
		.nonce_i = nonce_chunk(&x->nonce_i),
		.nonce_r = nonce_chunk(&x->nonce_r),
		.secret = {x->secret, x->pfs_group ? x->secret_len : 0},
	};
}

// Whether an authentic message of the peer has come since this negotiation began.
static bool heard_since(const struct exchange *x)
{
	const struct peer *p = x->sa->peer;

	return x->heard || (p->have_heard && tick_before(x->child->created, p->heard));
}

// After the last repetition. What has come since then came from a peer that still is what it was.
#define LAST_WAIT ticks_from_seconds(8)

void quick_gave_up(struct control *c, struct retransmit *r)
{
	struct exchange *x = container_of(r, struct exchange, retransmit);
	char why[64] = "no answer";

	if (quick_offer_again(c, x, x->refused))
		return;
	if (x->state == EXCHANGE_I_SENT_1 && !x->refused && !r->unsent && !heard_since(x))
		on_ike_unanswered(c, x->sa, c->now - LAST_WAIT);
	else
		exchange_disown(c, x);
	if (x->refused)
		snprintf(why, sizeof(why), "the peer says %s", isakmp_notify_name(x->refused));
	exchange_fail(c, x, why);
}

int quick_send(struct control *c, struct exchange *x, struct isakmp_message *m,
               enum ike1_hash_kind kind, bool remember)
{
	struct ike1_quick q = quick_inputs(x);
	int len = ike1_message_seal_hashed(c->crypto, &x->sa->suite, &x->sa->keys, x->iv, kind, &q,
	                                   m);
	int err;

	if (len < 0)
		return len;
	if (!remember) {
		output_send_to(c, x->sa, x->retransmit.to_port, m->w.start, (uint16_t)len);
		return len;
	}
	err = retransmit_start(c, &x->retransmit, x->sa, m->w.start, (uint16_t)len, true,
	                       quick_gave_up);
	return err < 0 ? err : len;
}

// All of an SA but its keys and SPI.
static void fill_spec(const struct exchange *x, struct sa_spec *spec)
{
	const struct peer *p = x->sa->peer;

	spec->mode = x->child->suite.mode;
	spec->encap = x->child->encap;
	spec->local = p->local;
	spec->remote = p->remote;
	spec->local_port = x->sa->local_port;
	spec->remote_port = x->sa->remote_port;
	spec->selector = x->child->flow->selector;
	spec->replay_window = x->child->flow->entry->replay_window;
	spec->esn = x->child->suite.esn;
}

static int make_spec(struct control *c, const struct exchange *x, uint32_t spi,
                     struct sa_spec *spec)
{
	struct ike1_quick q = quick_inputs(x);

	*spec = (struct sa_spec){0};
	fill_spec(x, spec);
	return keymat_esp(c->crypto, &x->sa->suite, &x->sa->keys, &q, &x->child->suite, spi, spec);
}

int quick_install_in(struct control *c, struct exchange *x)
{
	struct sa_spec spec;
	int err = make_spec(c, x, x->child->spi_in, &spec);

	if (err == 0)
		err = child_install_in(c, x->child, &spec);
	secret_wipe(&spec, sizeof(spec));
	return err;
}

int quick_install_out(struct control *c, struct exchange *x)
{
	struct sa_spec spec;
	int err = make_spec(c, x, x->peer_spi, &spec);

	if (err == 0)
		err = child_install_out(c, x->child, &spec, x->peer_spi);
	secret_wipe(&spec, sizeof(spec));
	return err;
}

int quick_read_exchange(struct exchange *x, const struct isakmp_chain *chain)
{
	const struct isakmp_payload *nonce = isakmp_chain_find(chain, ISAKMP_NONCE, 0);
	const struct isakmp_payload *ke = isakmp_chain_find(chain, ISAKMP_KE, 0);

	if (!nonce || isakmp_chain_count(chain, ISAKMP_NONCE) != 1 ||
	    isakmp_chain_count(chain, ISAKMP_KE) != (x->pfs_group ? 1 : 0))
		return -EBADMSG;
	if (ke) {
		if (!dh_public_plausible(x->pfs_group, ke->body, ke->len))
			return -EBADMSG;
		memcpy(x->peer_public, ke->body, ke->len);
		x->peer_public_len = ke->len;
	}
	return nonce_take(x->initiator ? &x->nonce_r : &x->nonce_i, nonce->body, nonce->len);
}

int quick_read_ids(const struct ike_sa *sa, bool initiator, const struct isakmp_chain *chain,
                   struct selector *out)
{
	const struct isakmp_payload *pi = isakmp_chain_find(chain, ISAKMP_ID, 0);
	const struct isakmp_payload *pr = isakmp_chain_find(chain, ISAKMP_ID, 1);
	unsigned n = isakmp_chain_count(chain, ISAKMP_ID);
	struct ident id_i, id_r;

	if (n == 0) {
		*out = (struct selector){.local = prefix_host(&sa->peer->local),
		                         .remote = prefix_host(&sa->peer->remote)};
		return 0;
	}
	if (n != 2 || ident_read(pi, &id_i) < 0 || ident_read(pr, &id_r) < 0)
		return -EBADMSG;
	return initiator ? ident_selector(&id_i, &id_r, out) : ident_selector(&id_r, &id_i, out);
}

int quick_submit(struct control *c, struct exchange *x, enum dh_kind kind)
{
	struct dh_job job = {
		.kind = kind,
		.owner = slab_handle(x->sa),
		.cookie = x->message_id,
	};
	int err;

	job.key.group = x->pfs_group;
	if (kind == DH_SHARED)
		job.key = x->dh;
	if (kind != DH_GENERATE) {
		memcpy(job.peer, x->peer_public, x->peer_public_len);
		job.peer_len = x->peer_public_len;
	}
	err = dh_pool_submit(c->dh, &job);
	secret_wipe(&job, sizeof(job));
	return err;
}

void quick_dh_done(struct control *c, struct exchange *x, const struct dh_result *r)
{
	static const enum dh_kind wanted[] = {
		[EXCHANGE_I_MAKES_1] = DH_GENERATE,
		[EXCHANGE_I_MAKES_3] = DH_SHARED,
		[EXCHANGE_R_MAKES_2] = DH_BOTH,
	};

	if ((x->state != EXCHANGE_I_MAKES_1 && x->state != EXCHANGE_I_MAKES_3 &&
	     x->state != EXCHANGE_R_MAKES_2) ||
	    r->kind != wanted[x->state])
		return;
	if (r->error < 0) {
		exchange_fail(c, x, "Diffie-Hellman value of the peer");
		return;
	}
	if (r->kind != DH_SHARED)
		x->dh = r->key;
	if (r->kind != DH_GENERATE) {
		memcpy(x->secret, r->secret, r->secret_len);
		x->secret_len = r->secret_len;
	}
	if (x->state == EXCHANGE_I_MAKES_1)
		quick_send_1(c, x);
	else if (x->state == EXCHANGE_I_MAKES_3)
		quick_send_3(c, x);
	else
		quick_send_2(c, x);
}

static void warn_weak(struct control *c, const struct child *ch)
{
	const struct esp_suite *s = &ch->suite;
	char addr[ADDR_TEXT], suite[SUITE_TEXT];
	bool weak_group = s->pfs_group && s->pfs_group <= 5;

	if (s->cipher != SA_CIPHER_DES_CBC && s->cipher != SA_CIPHER_3DES_CBC &&
	    s->auth != SA_AUTH_HMAC_MD5_96 && !weak_group)
		return;
	if (!peer_log_may(c, ch->peer, PEER_LOG_REMARK))
		return;
	log_msg(&c->log, LOG_NOTICE, "CRYPTO", "IPSEC_WEAK",
	        "IPsec SA with %s uses weak algorithms: %s%s", addr_format(&ch->peer->remote, addr),
	        suite_esp_format(s, suite), weak_group ? ", weak PFS group" : "");
}

void quick_done(struct control *c, struct exchange *x, const void *answer, uint16_t answer_len)
{
	struct child *ch = x->child;
	struct ike_sa *sa = x->sa;
	uint32_t id = x->message_id;

	node_add(c, sa, x->message_id, x->message_hash, answer, answer_len, x->initiator);
	ike_debug_node_delete(c, sa, x->message_id, false,
	                      x->initiator ? "No Error" : "QM done (await)");
	exchange_end(c, x);
	ike_debug_event(c, sa, "IKE_MSG_INTERNAL", "IKE_QM_PHASE2_COMPLETE");
	warn_weak(c, ch);
	if (ch->start && !sa->peer_ours) // ours repeats message 2 until it comes
		ch->start->third = id;
	child_established(c, ch);
	// The peer ends it with its IKE SA, which is about to go.
	if (sa->replaced)
		renew_on_current(c, ch);
}

bool ike1_quick_again(struct control *c, struct peer *p, uint32_t message_id)
{
	const struct ike_node *n;
	struct ike_sa *sa;

	for (sa = p->ike_sas; sa; sa = sa->next) {
		n = ike_sa_is_established(sa) ? node_find(c, sa, message_id) : NULL;
		if (!n || !n->answer)
			continue;
		sa->third_again = c->now;
		output_send(c, sa, n->answer, n->answer_len);
		return true;
	}
	return false;
}

// ---- receiving

// A second copy of a message, of an exchange in progress or of one that has ended.
static bool is_copy(struct control *c, struct ike_sa *sa, struct exchange *x,
                    const struct quick_message *in)
{
	uint16_t port = natt_answer_port(sa, in->view);

	if (output_repeat(c, sa, port, in->header->message_id, in->hash))
		return true;
	if (!x || memcmp(x->retransmit.request, in->hash, IKE_NODE_HASH) != 0)
		return false;
	x->retransmit.to_port = port;
	retransmit_answer(c, &x->retransmit);
	return true;
}

// Which hash the next message of an exchange carries; false: none is expected now.
static bool expected_hash(const struct exchange *x, enum ike1_hash_kind *kind)
{
	if (!x)
		*kind = IKE1_HASH_1;
	else if (x->state == EXCHANGE_I_SENT_1)
		*kind = IKE1_HASH_2;
	else if (x->state == EXCHANGE_R_SENT_2)
		*kind = IKE1_HASH_3;
	else
		return false;
	return true;
}

static int open_message(struct control *c, struct ike_sa *sa, struct exchange *x,
                        enum ike1_hash_kind kind, struct quick_message *in)
{
	uint8_t iv[IKE_BLOCK_MAX];
	struct ike1_quick q = {0};
	int err = 0;

	if (x) {
		memcpy(iv, x->iv, sizeof(iv));
		q = quick_inputs(x);
	} else {
		err = keymat_phase2_iv(c->crypto, &sa->suite, &sa->keys, in->header->message_id,
		                       iv);
	}
	if (err == 0)
		err = ike1_message_open(c->crypto, &sa->suite, &sa->keys, iv, in->next_iv,
		                        in->header, in->view->data, in->plain, sizeof(in->plain),
		                        &in->chain);
	if (err == 0)
		err = ike1_message_check_hash(c->crypto, &sa->suite, &sa->keys, kind,
		                              in->header->message_id, &q, &in->chain);
	return err;
}

void quick_input(struct control *c, struct ike_sa *sa, const struct dp_view *v,
                 const struct isakmp_header *h)
{
	struct exchange *x = exchange_find(sa, h->message_id);
	struct quick_message in = {.view = v, .header = h};
	enum ike1_hash_kind kind;

	if (!ike_sa_is_established(sa) || !(h->flags & ISAKMP_FLAG_ENCRYPTED) || !h->message_id) {
		c->counters.ike_unauthentic++;
		return;
	}
	node_hash(c, v->data, v->len, in.hash);
	if (is_copy(c, sa, x, &in))
		return;
	if (!expected_hash(x, &kind)) {
		c->counters.ike_duplicates++;
		return;
	}
	if (open_message(c, sa, x, kind, &in) < 0) {
		c->counters.ike_unauthentic++;
		return;
	}
	exchange_note_heard(sa);
	ike_debug_received(c, sa, v);
	if (!x)
		ike_debug_node_new(c, sa, h->message_id);
	ike_debug_hash(c, sa, h->message_id);
	if (!x && !sa->initiator)
		node_drop_answer(sa, 0); // nobody begins a quick mode before message 6
	if (!x)
		quick_take_1(c, sa, &in);
	else if (kind == IKE1_HASH_2)
		quick_take_2(c, x, &in);
	else
		quick_take_3(c, x, &in);
}
