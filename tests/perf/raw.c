// Direct calls of ipsec-mb for comparison with the ESP stages. One thread. It does what nobody can
// leave out: fills the jobs of a burst, submits them, flushes what waits for companions. It checks
// nothing and compares no ICV. AES-GCM can also be called without a job, packet by packet.
#include "raw.h"

#include <errno.h>

#include "crypto.h"

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

int raw_open(struct raw *raw, struct rig *r)
{
	const struct sa *shape = &r->gateway->shape;
	uint32_t len = r->frame - (uint32_t)sizeof(struct rte_ether_hdr);

	raw->shape = *shape;
	raw->burst = shape->engine >= SA_ENGINE_MB ? RAW_BURST : RAW_BURST / 2;
	raw->text_len = (len + 2u + shape->align - 1u) / shape->align * shape->align;
	for (unsigned i = 0; i < RAW_BURST; i++) {
		struct raw_packet *p = &raw->packets[i];

		p->m = rte_pktmbuf_alloc(r->pool);
		if (!p->m) {
			raw_close(raw);
			return -ENOMEM;
		}
		p->esp = rte_pktmbuf_mtod(p->m, uint8_t *);
		memset(p->esp, (int)i + 1, SA_ESP_HEADER + shape->iv_len + raw->text_len);
		memset(p->nonce, (int)i + 1, sizeof(p->nonce));
	}
	return 0;
}

void raw_close(struct raw *raw)
{
	for (unsigned i = 0; i < RAW_BURST; i++) {
		rte_pktmbuf_free(raw->packets[i].m);
		raw->packets[i].m = NULL;
	}
}

void raw_ready(struct raw *raw, struct rig *r, bool encrypt)
{
	for (unsigned i = 0; i < RAW_PACKETS; i++) {
		const struct flow *f = &r->gateway->flows[rig_next(r)];

		raw->keys[i] = encrypt ? f->out_keys : f->in_keys;
	}
}

static inline void job_fill(IMB_JOB *job, const struct raw *raw, struct raw_packet *p,
                            const struct sa_keys *keys, bool encrypt)
{
	const struct sa *shape = &raw->shape;
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
	if (shape->engine < SA_ENGINE_MB) {
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

static inline bool burst(struct raw *raw, const struct sa_keys *const *keys, bool encrypt)
{
	uint32_t left = IMB_GET_NEXT_BURST(raw->mgr, raw->burst, raw->jobs), done;
	bool good = left == raw->burst;

	for (unsigned i = 0; i < left; i++)
		job_fill(raw->jobs[i], raw, &raw->packets[i], keys[i], encrypt);
	done = IMB_SUBMIT_BURST_NOCHECK(raw->mgr, left, raw->jobs);
	good &= completed(raw->jobs, done);
	left -= done;
	while (left) { // multi-buffer jobs that wait for companions
		done = IMB_FLUSH_BURST(raw->mgr, left, raw->jobs);
		if (done == 0)
			return false;
		good &= completed(raw->jobs, done);
		left -= done;
	}
	return good;
}

static aes_gcm_enc_dec_t gcm_call(const struct raw *raw, bool encrypt)
{
	switch (raw->shape.key_len) {
	case 16:
		return encrypt ? raw->mgr->gcm128_enc : raw->mgr->gcm128_dec;
	case 24:
		return encrypt ? raw->mgr->gcm192_enc : raw->mgr->gcm192_dec;
	default:
		return encrypt ? raw->mgr->gcm256_enc : raw->mgr->gcm256_dec;
	}
}

static void run_gcm_calls(struct raw *raw, bool encrypt)
{
	aes_gcm_enc_dec_t call = gcm_call(raw, encrypt);
	struct gcm_context_data context;

	for (unsigned i = 0; i < RAW_PACKETS; i++) {
		struct raw_packet *p = &raw->packets[i % raw->burst];
		uint8_t *text = p->esp + SA_ESP_HEADER + raw->shape.iv_len;

		call(&raw->keys[i]->gcm, &context, text, text, raw->text_len, p->nonce, p->esp,
		     SA_ESP_HEADER, encrypt ? text + raw->text_len : p->icv, raw->shape.icv_len);
	}
}

// Ciphers and hashes, each in a burst.
static bool run_two_bursts(struct raw *raw, bool encrypt)
{
	static IMB_JOB jobs[RAW_BURST];
	const IMB_CIPHER_DIRECTION way = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	const IMB_KEY_SIZE_BYTES key = (IMB_KEY_SIZE_BYTES)raw->shape.key_len;
	const IMB_HASH_ALG hash = (IMB_HASH_ALG)raw->shape.hash_alg;
	const unsigned n = raw->burst;
	bool good = true;

	for (unsigned i = 0; i < RAW_PACKETS; i += n) {
		for (unsigned k = 0; k < n; k++)
			job_fill(&jobs[k], raw, &raw->packets[k], raw->keys[i + k], encrypt);
		if (!encrypt)
			good &= IMB_SUBMIT_HASH_BURST_NOCHECK(raw->mgr, jobs, n, hash) == n;
		good &= IMB_SUBMIT_CIPHER_BURST_NOCHECK(raw->mgr, jobs, n, IMB_CIPHER_CBC, way,
		                                        key) == n;
		if (encrypt)
			good &= IMB_SUBMIT_HASH_BURST_NOCHECK(raw->mgr, jobs, n, hash) == n;
	}
	return good;
}

bool raw_run_calls(struct raw *raw, bool encrypt)
{
	if (raw->shape.engine == SA_ENGINE_CBC)
		return run_two_bursts(raw, encrypt);
	run_gcm_calls(raw, encrypt);
	return true;
}

bool raw_run(struct raw *raw, bool encrypt)
{
	bool good = true;

	for (unsigned i = 0; i < RAW_PACKETS; i += raw->burst)
		good &= burst(raw, &raw->keys[i], encrypt);
	return good;
}

bool raw_run_prefetched(struct raw *raw, bool encrypt)
{
	bool good = true;

	for (unsigned i = 0; i < RAW_PACKETS; i += raw->burst) {
		for (unsigned k = 0; k < raw->burst; k++)
			crypto_prefetch_keys(raw->keys[i + k], raw->shape.engine,
			                     raw->shape.key_len, raw->text_len);
		good &= burst(raw, &raw->keys[i], encrypt);
	}
	return good;
}
