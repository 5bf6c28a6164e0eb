// ESP cryptography in bursts. [W] No locks, no allocation after crypto_create().
//
// ipsec-mb completes jobs in order, and multi-buffer jobs (CBC, 3DES, HMAC) wait for companions:
// one of them in front of 31 AES-GCM jobs holds all back. So there are two managers, one for AEAD
// and one for the rest, and both are flushed before a call returns. The NOCHECK burst does not look
// at its arguments: lengths are checked by esp_in and esp_out, algorithms by sa_fill_check().
#include "crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

_Static_assert(CRYPTO_BURST <= IMB_MAX_BURST_SIZE, "a burst fits in one call");

struct scratch {
	alignas(16) uint8_t nonce[16];
	alignas(16) uint8_t icv[SA_HMAC_STATE_MAX];
};

struct crypto {
	IMB_MGR *aead, *mb;
	struct scratch scratch[CRYPTO_BURST];
	// Key stream of AES-256 in counter mode, by way of GCM, under a random key of this worker.
	alignas(SA_LINE) struct gcm_key_data iv_key;
	uint64_t iv_round;
	unsigned iv_used;
	uint8_t iv_pool[CRYPTO_IV_POOL];
};

static IMB_MGR *manager_create(void)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);

	errno = ENOMEM;
	if (!mgr)
		return NULL;
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr)) { // no AES instructions, or the self-test failed
		free_mb_mgr(mgr);
		errno = ENOTSUP;
		return NULL;
	}
	return mgr;
}

struct crypto *crypto_create(void)
{
	struct crypto *c = aligned_alloc(SA_LINE, sizeof(*c));
	uint8_t key[32];

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->aead = manager_create();
	c->mb = c->aead ? manager_create() : NULL;
	if (!c->mb) {
		int err = errno;

		crypto_destroy(c);
		errno = err;
		return NULL;
	}
	secret_random(key, sizeof(key));
	IMB_AES256_GCM_PRE(c->aead, key, &c->iv_key);
	secret_wipe(key, sizeof(key));
	c->iv_used = CRYPTO_IV_POOL;
	return c;
}

void crypto_destroy(struct crypto *c)
{
	if (!c)
		return;
	// A manager holds copies of keys in its job slots.
	if (c->aead)
		free_mb_mgr(c->aead);
	if (c->mb)
		free_mb_mgr(c->mb);
	secret_wipe(c, sizeof(*c));
	free(c);
}

static void iv_refill(struct crypto *c)
{
	struct gcm_context_data context;
	uint8_t nonce[12] = {0}, tag[16];

	memcpy(nonce, &c->iv_round, sizeof(c->iv_round));
	c->iv_round++;
	memset(c->iv_pool, 0, sizeof(c->iv_pool));
	IMB_AES256_GCM_ENC(c->aead, &c->iv_key, &context, c->iv_pool, c->iv_pool, CRYPTO_IV_POOL,
	                   nonce, nonce, 0, tag, sizeof(tag));
	c->iv_used = 0;
}

void crypto_iv(struct crypto *c, uint8_t *iv, unsigned len)
{
	if (c->iv_used + len > CRYPTO_IV_POOL)
		iv_refill(c);
	memcpy(iv, c->iv_pool + c->iv_used, len);
	c->iv_used += len;
}

static void job_aead(IMB_JOB *job, const struct crypto_item *item, struct scratch *scratch)
{
	const struct sa *sa = item->sa;

	// RFC 4106 4 and RFC 7634 2: nonce = salt, explicit IV.
	memcpy(scratch->nonce, sa->salt, sizeof(sa->salt));
	memcpy(scratch->nonce + sizeof(sa->salt), item->esp + SA_ESP_HEADER, 8);
	job->iv = scratch->nonce;
	job->iv_len_in_bytes = 12;
	job->enc_keys = sa->keys;
	job->dec_keys = sa->keys;
	// ChaCha20-Poly1305 wants both ranges, GCM looks at the cipher's alone.
	job->hash_start_src_offset_in_bytes = SA_ESP_HEADER + sa->iv_len;
	job->msg_len_to_hash_in_bytes = item->text_len;
	job->u.GCM.aad = item->esp;
	job->u.GCM.aad_len_in_bytes = SA_ESP_HEADER;
	job->u.GCM.ctx = NULL;
}

static void job_mb(IMB_JOB *job, const struct crypto_item *item)
{
	const struct sa *sa = item->sa;
	const struct sa_keys *keys = sa->keys;

	job->iv = item->esp + SA_ESP_HEADER;
	job->iv_len_in_bytes = sa->iv_len;
	if (sa->cipher_mode == IMB_CIPHER_DES3) {
		job->enc_keys = keys->des.order;
		job->dec_keys = keys->des.order;
	} else if (sa->cipher_mode == IMB_CIPHER_DES) {
		job->enc_keys = keys->des.schedule[0];
		job->dec_keys = keys->des.schedule[0];
	} else {
		job->enc_keys = keys->aes.encrypt;
		job->dec_keys = keys->aes.decrypt;
	}
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = SA_ESP_HEADER + sa->iv_len + item->text_len;
	job->u.HMAC._hashed_auth_key_xor_ipad = keys->ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = keys->opad;
}

static void job_fill(IMB_JOB *job, struct crypto_item *item, struct scratch *scratch, bool encrypt)
{
	const struct sa *sa = item->sa;
	uint8_t *text = item->esp + SA_ESP_HEADER + sa->iv_len;

	job->src = item->esp;
	job->dst = text;
	job->cipher_start_src_offset_in_bytes = SA_ESP_HEADER + sa->iv_len;
	job->msg_len_to_cipher_in_bytes = item->text_len;
	job->key_len_in_bytes = sa->key_len;
	job->cipher_mode = sa->cipher_mode;
	job->hash_alg = sa->hash_alg;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	// Inbound the computed ICV goes apart and is compared with the packet's.
	job->auth_tag_output = encrypt ? text + item->text_len : scratch->icv;
	job->auth_tag_output_len_in_bytes = sa->icv_len;
	job->user_data = item;
	job->user_data2 = scratch;
	if (sa->aead)
		job_aead(job, item, scratch);
	else
		job_mb(job, item);
}

static void job_done(const IMB_JOB *job, bool encrypt)
{
	struct crypto_item *item = job->user_data;
	const struct scratch *scratch = job->user_data2;
	const struct sa *sa = item->sa;
	const uint8_t *icv = item->esp + SA_ESP_HEADER + sa->iv_len + item->text_len;

	item->ok = job->status == IMB_STATUS_COMPLETED &&
	           (encrypt || secret_equal(icv, scratch->icv, sa->icv_len));
}

// All items are for one manager; which ones, says `index`.
static void run(IMB_MGR *mgr, struct crypto *c, struct crypto_item *items, const uint8_t *index,
                unsigned n, bool encrypt)
{
	IMB_JOB *jobs[CRYPTO_BURST];
	uint32_t done, got;

	got = IMB_GET_NEXT_BURST(mgr, n, jobs);
	for (uint32_t i = 0; i < got; i++)
		job_fill(jobs[i], &items[index[i]], &c->scratch[index[i]], encrypt);
	done = IMB_SUBMIT_BURST_NOCHECK(mgr, got, jobs);
	for (;;) {
		for (uint32_t i = 0; i < done; i++)
			job_done(jobs[i], encrypt);
		if (done >= got)
			break;
		got -= done;
		done = IMB_FLUSH_BURST(mgr, got, jobs);
		if (done == 0)
			break;
	}
}

static void burst(struct crypto *c, struct crypto_item *items, unsigned n, bool encrypt)
{
	uint8_t aead[CRYPTO_BURST], mb[CRYPTO_BURST];
	unsigned n_aead = 0, n_mb = 0;

	for (unsigned i = 0; i < n; i++) {
		items[i].ok = false;
		if (items[i].sa->aead)
			aead[n_aead++] = (uint8_t)i;
		else
			mb[n_mb++] = (uint8_t)i;
	}
	if (n_aead)
		run(c->aead, c, items, aead, n_aead, encrypt);
	if (n_mb)
		run(c->mb, c, items, mb, n_mb, encrypt);
}

void crypto_encrypt(struct crypto *c, struct crypto_item *items, unsigned n)
{
	burst(c, items, n, true);
}

void crypto_decrypt(struct crypto *c, struct crypto_item *items, unsigned n)
{
	burst(c, items, n, false);
}
