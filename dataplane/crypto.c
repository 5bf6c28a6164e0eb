// ESP cryptography in bursts. [W] No locks, no allocation after crypto_create().
//
// ipsec-mb completes jobs in order, and multi-buffer jobs (CBC, 3DES, HMAC) wait for companions:
// one of them in front of 31 AES-GCM jobs holds all back. So there are two managers, one for AEAD
// and one for the rest, and both are flushed before a call returns. The NOCHECK burst does not look
// at its arguments: lengths are checked by esp_in and esp_out, algorithms by sa_fill_check().
#include "crypto.h"

#include <errno.h>
#include <rte_common.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

_Static_assert(CRYPTO_BURST <= IMB_MAX_BURST_SIZE, "a burst fits in one call");

// What a job needs beside the packet until it is done.
struct scratch {
	alignas(16) uint8_t nonce[16];
	alignas(16) uint8_t icv[SA_HMAC_STATE_MAX]; // computed, to compare with the packet's
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

// What an AEAD job says of its SA.
static inline void job_aead_sa(IMB_JOB *job, const struct sa *sa, bool encrypt)
{
	uint32_t head = (uint32_t)SA_ESP_HEADER + sa->iv_len;

	job->user_data = (void *)(uintptr_t)sa;
	job->user_data2 = (void *)(uintptr_t)sa->generation;
	job->enc_keys = sa->keys;
	job->dec_keys = sa->keys;
	job->key_len_in_bytes = sa->key_len;
	job->cipher_start_src_offset_in_bytes = head;
	// ChaCha20-Poly1305 wants both ranges, GCM looks at the cipher's alone.
	job->hash_start_src_offset_in_bytes = head;
	job->iv_len_in_bytes = 12;
	job->auth_tag_output_len_in_bytes = sa->icv_len;
	job->u.GCM.aad_len_in_bytes = SA_ESP_HEADER;
	job->u.GCM.ctx = NULL;
	job->cipher_mode = sa->cipher_mode;
	job->hash_alg = sa->hash_alg;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
}

// A job's place in the manager keeps what was written there: when it served the same use of the
// same SA before (whose direction never changes), only what differs from packet to packet is new.
static inline bool job_knows(const IMB_JOB *job, const struct sa *sa)
{
	return job->user_data == sa && (uintptr_t)job->user_data2 == sa->generation &&
	       sa->generation;
}

// RFC 4106 4 and RFC 7634 2: nonce = salt, explicit IV.
static inline void job_aead(IMB_JOB *job, const struct crypto_item *item, struct scratch *scratch,
                            bool encrypt)
{
	const struct sa *sa = item->sa;
	uint8_t *text = item->esp + SA_ESP_HEADER + sa->iv_len;

	if (!job_knows(job, sa))
		job_aead_sa(job, sa, encrypt);
	memcpy(scratch->nonce, sa->salt, sizeof(sa->salt));
	memcpy(scratch->nonce + sizeof(sa->salt), item->esp + SA_ESP_HEADER, 8);
	job->iv = scratch->nonce;
	job->src = item->esp;
	job->dst = text;
	job->msg_len_to_cipher_in_bytes = item->text_len;
	job->msg_len_to_hash_in_bytes = item->text_len;
	job->u.GCM.aad = item->esp;
	// Inbound the computed ICV goes apart and is compared with the packet's.
	job->auth_tag_output = encrypt ? text + item->text_len : scratch->icv;
}

static inline void job_mb(IMB_JOB *job, const struct crypto_item *item, struct scratch *scratch,
                          bool encrypt)
{
	const struct sa *sa = item->sa;
	const struct sa_keys *keys = sa->keys;
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
	job->auth_tag_output = encrypt ? text + item->text_len : scratch->icv;
	job->auth_tag_output_len_in_bytes = sa->icv_len;
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

static __rte_always_inline void job_fill(IMB_JOB *job, const struct crypto_item *item,
                                         struct scratch *scratch, bool aead, bool encrypt)
{
	if (aead)
		job_aead(job, item, scratch, encrypt);
	else
		job_mb(job, item, scratch, encrypt);
}

static inline bool icv_holds(const struct crypto_item *item, const struct scratch *scratch)
{
	const struct sa *sa = item->sa;
	const uint8_t *icv = item->esp + SA_ESP_HEADER + sa->iv_len + item->text_len;

	return sa->icv_len == 16 ? secret_equal16(icv, scratch->icv)
	                         : secret_equal(icv, scratch->icv, sa->icv_len);
}

// What becomes of a burst: its jobs complete in the order in which they were submitted.
struct progress {
	struct crypto_item *items;
	struct scratch *scratch;
	unsigned next; // item of the next job that completes
	bool all;      // good so far
};

static __rte_always_inline void jobs_done(struct progress *p, IMB_JOB *const *jobs, uint32_t n,
                                          bool encrypt)
{
	struct crypto_item *items = p->items + p->next;
	const struct scratch *scratch = p->scratch + p->next;
	bool all = p->all;

	for (uint32_t i = 0; i < n; i++) {
		bool ok = jobs[i]->status == IMB_STATUS_COMPLETED &&
		          (encrypt || icv_holds(&items[i], &scratch[i]));

		items[i].ok = ok;
		all &= ok;
	}
	p->next += n;
	p->all = all;
}

// All items are for this manager. True: all of them are good.
static __rte_always_inline bool run(IMB_MGR *mgr, struct scratch *scratch,
                                    struct crypto_item *items, unsigned n, bool aead, bool encrypt)
{
	struct progress p = {.items = items, .scratch = scratch, .all = true};
	IMB_JOB *jobs[CRYPTO_BURST];
	uint32_t done, left;

	left = IMB_GET_NEXT_BURST(mgr, n, jobs);
	for (uint32_t i = 0; i < left; i++)
		job_fill(jobs[i], &items[i], &scratch[i], aead, encrypt);
	done = IMB_SUBMIT_BURST_NOCHECK(mgr, left, jobs);
	for (;;) {
		jobs_done(&p, jobs, done, encrypt);
		left -= done;
		if (left == 0)
			break;
		done = IMB_FLUSH_BURST(mgr, left, jobs);
		if (done == 0)
			break;
	}
	while (p.next < n) { // the manager took or returned too few
		items[p.next++].ok = false;
		p.all = false;
	}
	return p.all;
}

// Both kinds in one burst: each goes through its own manager, then the results come back.
static bool run_mixed(struct crypto *c, struct crypto_item *items, unsigned n, bool encrypt)
{
	struct crypto_item some[CRYPTO_BURST];
	uint8_t from[CRYPTO_BURST];
	bool all = true;

	for (int aead = 0; aead < 2; aead++) {
		unsigned k = 0;

		for (unsigned i = 0; i < n; i++) {
			if (items[i].sa->aead != aead)
				continue;
			some[k] = items[i];
			from[k++] = (uint8_t)i;
		}
		all &= run(aead ? c->aead : c->mb, c->scratch, some, k, aead, encrypt);
		for (unsigned i = 0; i < k; i++)
			items[from[i]].ok = some[i].ok;
	}
	return all;
}

static __rte_always_inline bool burst(struct crypto *c, struct crypto_item *items, unsigned n,
                                      bool encrypt)
{
	unsigned aead = 0;

	for (unsigned i = 0; i < n; i++)
		aead += items[i].sa->aead;
	if (aead == n)
		return run(c->aead, c->scratch, items, n, true, encrypt);
	if (aead == 0)
		return run(c->mb, c->scratch, items, n, false, encrypt);
	return run_mixed(c, items, n, encrypt);
}

bool crypto_encrypt(struct crypto *c, struct crypto_item *items, unsigned n)
{
	return burst(c, items, n, true);
}

bool crypto_decrypt(struct crypto *c, struct crypto_item *items, unsigned n)
{
	return burst(c, items, n, false);
}
