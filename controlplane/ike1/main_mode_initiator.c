// Main mode as initiator: messages 1, 3 and 5 out, 2, 4 and 6 in (RFC 2409, 5.4). Control core
// only.
#include <errno.h>
#include <string.h>

#include "addr.h"
#include "control.h"
#include "handshake.h"
#include "ike1.h"
#include "ike_debug.h"
#include "main_mode.h"
#include "natt.h"
#include "output.h"
#include "peer.h"
#include "peer_timers.h"
#include "proposal.h"
#include "secret.h"
#include "vendor.h"

// Message 1: SA and what we can do.
static int send_1(struct control *c, struct ike_sa *sa)
{
	struct handshake *hs = sa->handshake;
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;
	size_t at;
	int err;

	main_mode_begin(sa, &m, buf, sizeof(buf), 0);
	at = writer_len(&m.w) + ISAKMP_PAYLOAD_HEADER;
	proposal_write_ike(&m, hs->offered, hs->n_offered);
	if (!writer_ok(&m.w))
		return -EMSGSIZE;
	err = handshake_keep_sa(hs, buf + at, writer_len(&m.w) - at);
	if (err < 0)
		return err;
	vendor_write(&m, VENDOR_NAT_T);
	vendor_write(&m, VENDOR_DPD);
	vendor_write(&m, VENDOR_VIGIL);
	ike_debug_line(c, sa, "beginning Main Mode exchange");
	err = main_mode_send(c, sa, &m, false);
	if (err == 0)
		ike_sa_set_state(c, sa, IKE_I_MM1);
	return err;
}

// Logs once in a while why a tunnel cannot even be tried.
static int cannot(struct control *c, const struct peer *p, const char *why)
{
	char text[ADDR_TEXT];

	if (output_may_log(c))
		log_msg(&c->log, LOG_ERROR, "CRYPTO", "IKMP_NO_POLICY", "No phase 1 with %s: %s",
		        addr_format(&p->remote, text), why);
	return -ENOENT;
}

int ike1_initiate(struct control *c, struct peer *p)
{
	struct ike_sa *sa;
	int err;

	if (!config_find_key(c->config, &p->remote))
		return cannot(c, p, "there is no pre-shared key for this address");
	sa = ike_sa_create(c, p, true, NULL);
	if (!sa)
		return -errno;
	err = handshake_create(sa);
	if (err < 0)
		goto fail;
	sa->handshake->n_offered = handshake_policies(c->config, sa->handshake->offered);
	if (!sa->handshake->n_offered) {
		err = cannot(c, p, "no isakmp policy can be used");
		goto fail;
	}
	err = send_1(c, sa);
	if (err < 0)
		goto fail;
	return 0;
fail:
	ike_sa_destroy(c, sa);
	return err;
}

// A job for the helpers; -EAGAIN: they are busy, and the message that led here is dropped, to be
// repeated.
static int submit(struct control *c, struct ike_sa *sa, enum dh_kind kind)
{
	struct handshake *hs = sa->handshake;
	struct dh_job job = {.kind = kind, .owner = slab_handle(sa)};
	int err;

	job.key.group = sa->suite.group;
	if (kind == DH_SHARED) {
		job.key = hs->dh;
		memcpy(job.peer, hs->peer_public, hs->peer_public_len);
		job.peer_len = hs->peer_public_len;
	}
	err = dh_pool_submit(c->dh, &job);
	secret_wipe(&job, sizeof(job));
	hs->dh_pending = err == 0;
	return err;
}

// The step that a message in brings.
static void accept_message(struct control *c, struct ike_sa *sa, const struct main_mode_message *in,
                           enum ike_state s)
{
	memcpy(sa->handshake->retransmit.request, in->hash, IKE_NODE_HASH);
	retransmit_pause(c, &sa->handshake->retransmit);
	ike_sa_set_state(c, sa, s);
}

void main_mode_take_2(struct control *c, struct ike_sa *sa, struct main_mode_message *in)
{
	static const uint8_t none[8];
	struct handshake *hs = sa->handshake;
	const struct isakmp_payload *p = isakmp_chain_find(&in->chain, ISAKMP_SA, 0);
	struct ike_choice choice;

	if (!p || isakmp_chain_count(&in->chain, ISAKMP_SA) != 1 ||
	    memcmp(in->header->cookie_r, none, sizeof(none)) == 0 ||
	    memcmp(in->header->cookie_r, sa->cookie_i, sizeof(sa->cookie_i)) == 0) {
		main_mode_bad(c, sa, "SA payload or cookie of message 2");
		return;
	}
	ike_debug_line(c, sa, " processing SA payload. message ID = 0");
	if (proposal_accept_ike(p->body, p->len, hs->offered, hs->n_offered, &choice) < 0) {
		main_mode_bad(c, sa, "the answer is none of what was offered");
		return;
	}
	sa->suite = choice.suite;
	ike_sa_has_answered(c, sa);
	if (submit(c, sa, DH_GENERATE) < 0)
		return; // it is repeated
	ike_debug_line(c, sa, "atts are acceptable. Next payload is 0");
	memcpy(sa->cookie_r, in->header->cookie_r, sizeof(sa->cookie_r));
	main_mode_read_vendors(c, sa, &in->chain);
	accept_message(c, sa, in, IKE_I_MM2);
}

void main_mode_send_3(struct control *c, struct ike_sa *sa)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;

	nonce_make(&sa->handshake->nonce_i);
	main_mode_begin(sa, &m, buf, sizeof(buf), 0);
	main_mode_write_exchange(c, sa, &m);
	if (main_mode_send(c, sa, &m, false) < 0) {
		main_mode_fail(c, sa, "message 3 could not be made");
		return;
	}
	ike_sa_set_state(c, sa, IKE_I_MM3);
}

void main_mode_take_4(struct control *c, struct ike_sa *sa, struct main_mode_message *in)
{
	struct handshake *hs = sa->handshake;

	// Our own value is no answer: it would make both hashes of phase 1 the same.
	if (main_mode_read_exchange(c, sa, &in->chain) < 0 ||
	    memcmp(hs->peer_public, hs->dh.public_value, hs->dh.public_len) == 0) {
		main_mode_bad(c, sa, "key exchange or nonce of message 4");
		return;
	}
	if (submit(c, sa, DH_SHARED) < 0)
		return;
	main_mode_read_vendors(c, sa, &in->chain);
	natt_detect(c, sa, &in->chain, in->view);
	accept_message(c, sa, in, IKE_I_MM4);
}

void main_mode_send_5(struct control *c, struct ike_sa *sa)
{
	uint8_t buf[OUTPUT_MESSAGE_MAX];
	struct isakmp_message m;
	int err;

	err = main_mode_make_keys(c, sa);
	if (err < 0) {
		main_mode_fail(c, sa, err == -ENOENT ? "its key was removed" : "keys");
		return;
	}
	natt_float(sa);
	main_mode_begin(sa, &m, buf, sizeof(buf), ISAKMP_FLAG_ENCRYPTED);
	err = main_mode_write_auth(c, sa, &m);
	if (err == 0)
		err = main_mode_send(c, sa, &m, true);
	if (err < 0) {
		main_mode_fail(c, sa, "message 5 could not be made");
		return;
	}
	ike_sa_set_state(c, sa, IKE_I_MM5);
}

void main_mode_take_6(struct control *c, struct ike_sa *sa, struct main_mode_message *in)
{
	char who[IDENT_TEXT];

	if (main_mode_read_auth(c, sa, in, who) < 0) {
		c->counters.ike_unauthentic++;
		main_mode_bad(c, sa,
		              "identity or hash of message 6 (is the pre-shared key the same?)");
		return;
	}
	if (natt_is_another(c, sa, who)) {
		main_mode_fail(c, sa, "another one behind its NAT answers");
		return;
	}
	if (peer_identify(sa->peer, who) < 0) {
		main_mode_fail(c, sa, "out of memory");
		return;
	}
	ike_sa_set_state(c, sa, IKE_I_MM6);
	main_mode_established(c, sa, in, NULL, 0);
}
