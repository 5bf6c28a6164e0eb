// Direct calls of ipsec-mb for comparison with the ESP stages. One thread. It does what nobody can
// leave out: fills the jobs of a burst, submits them, flushes what waits for companions. It neither
// prefetches nor checks anything, and compares no ICV within the timed part.
#include "raw.h"

#include <errno.h>

int raw_start(struct raw *raw)
{
	memset(raw, 0, sizeof(*raw));
	raw->mgr = alloc_mb_mgr(0);
	if (!raw->mgr)
		return -ENOMEM;
	init_mb_mgr_auto(raw->mgr, NULL);
	return imb_get_errno(raw->mgr) ? -ENOTSUP : 0;
}

void raw_stop(struct raw *raw)
{
	if (raw->mgr)
		free_mb_mgr(raw->mgr);
	raw->mgr = NULL;
}

void raw_fill(struct raw *raw, struct rig *r, uint16_t len)
{
	raw->shape = r->shape;
	raw->text_len = (len + 2u + raw->shape.align - 1u) / raw->shape.align * raw->shape.align;
	for (unsigned i = 0; i < RIG_BURST; i++) {
		struct raw_packet *p = &raw->packets[i];
		uint32_t head = SA_ESP_HEADER + raw->shape.iv_len;

		p->esp = rte_pktmbuf_mtod(r->pkts[i], uint8_t *) - head;
		memset(p->esp, (int)i + 1, head);
		memset(p->nonce, (int)i + 1, sizeof(p->nonce));
	}
}

void raw_ready(struct raw *raw, struct rig *r)
{
	for (unsigned i = 0; i < RIG_BURST; i++) {
		uint32_t flow = rig_next(r);

		raw->packets[i].out_keys = r->out_keys[flow];
		raw->packets[i].in_keys = r->in_keys[flow];
	}
}

static inline void job_fill(IMB_JOB *job, const struct raw *raw, struct raw_packet *p, bool encrypt)
{
	const struct sa *shape = &raw->shape;
	const struct sa_keys *keys = encrypt ? p->out_keys : p->in_keys;
	uint8_t *text = p->esp + SA_ESP_HEADER + shape->iv_len;

	job->src = p->esp;
	job->dst = text;
	job->cipher_start_src_offset_in_bytes = SA_ESP_HEADER + shape->iv_len;
	job->msg_len_to_cipher_in_bytes = raw->text_len;
	job->key_len_in_bytes = shape->key_len;
	job->cipher_mode = shape->cipher_mode;
	job->hash_alg = shape->hash_alg;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->auth_tag_output = encrypt ? text + raw->text_len : p->icv;
	job->auth_tag_output_len_in_bytes = shape->icv_len;
	if (shape->aead) {
		job->iv = p->nonce;
		job->iv_len_in_bytes = 12;
		job->enc_keys = keys;
		job->dec_keys = keys;
		job->hash_start_src_offset_in_bytes = SA_ESP_HEADER + shape->iv_len;
		job->msg_len_to_hash_in_bytes = raw->text_len;
		job->u.GCM.aad = p->esp;
		job->u.GCM.aad_len_in_bytes = SA_ESP_HEADER;
		job->u.GCM.ctx = NULL;
	} else {
		job->iv = p->esp + SA_ESP_HEADER;
		job->iv_len_in_bytes = shape->iv_len;
		job->enc_keys = keys->aes.encrypt;
		job->dec_keys = keys->aes.decrypt;
		job->hash_start_src_offset_in_bytes = 0;
		job->msg_len_to_hash_in_bytes = SA_ESP_HEADER + shape->iv_len + raw->text_len;
		job->u.HMAC._hashed_auth_key_xor_ipad = keys->ipad;
		job->u.HMAC._hashed_auth_key_xor_opad = keys->opad;
	}
}

static inline bool completed(IMB_JOB **jobs, uint32_t n)
{
	bool all = true;

	for (uint32_t i = 0; i < n; i++)
		all &= jobs[i]->status == IMB_STATUS_COMPLETED;
	return all;
}

static inline bool burst(struct raw *raw, bool encrypt)
{
	IMB_JOB *jobs[RIG_BURST];
	uint32_t left, done;
	bool good;

	left = IMB_GET_NEXT_BURST(raw->mgr, RIG_BURST, jobs);
	if (left != RIG_BURST)
		return false;
	for (unsigned i = 0; i < RIG_BURST; i++)
		job_fill(jobs[i], raw, &raw->packets[i], encrypt);
	done = IMB_SUBMIT_BURST_NOCHECK(raw->mgr, RIG_BURST, jobs);
	good = completed(jobs, done);
	left -= done;
	while (left) { // multi-buffer jobs that wait for companions
		done = IMB_FLUSH_BURST(raw->mgr, left, jobs);
		if (done == 0)
			return false;
		good &= completed(jobs, done);
		left -= done;
	}
	return good;
}

bool raw_encrypt(struct raw *raw)
{
	return burst(raw, true);
}

bool raw_decrypt(struct raw *raw)
{
	return burst(raw, false);
}

bool raw_holds(const struct raw *raw)
{
	bool all = true;

	for (unsigned i = 0; i < RIG_BURST; i++) {
		const struct raw_packet *p = &raw->packets[i];
		const uint8_t *text = p->esp + SA_ESP_HEADER + raw->shape.iv_len;

		all &= memcmp(text + raw->text_len, p->icv, raw->shape.icv_len) == 0;
	}
	return all;
}
