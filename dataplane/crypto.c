// ESP cryptography in bursts. [W] No locks, no allocation after crypto_create().
//
// AES-GCM is called directly, packet by packet: a job around it costs 10 to 16 cycles and gains
// nothing; or, if ipsec-mb knows how, a run of one key at a time (crypto_quic.h). AES-CBC has
// bursts of its own (crypto_cbc.h). The others are jobs. ipsec-mb completes them in order, and
// multi-buffer jobs (3DES, MD5) wait for companions: one of them in front of 31
// others holds all back. So there are two managers, one for AEAD and one for the rest, and both are
// flushed before a call returns. The NOCHECK burst does not look at its arguments: lengths are
// checked by esp_in and esp_out, algorithms by sa_fill_check().
#include "crypto.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <stdlib.h>
#include <string.h>

#include "crypto_aead.h"
#include "crypto_cbc.h"
#include "crypto_job.h"
#include "crypto_quic.h"
#include "sa_fill.h"

_Static_assert(CRYPTO_BURST <= IMB_MAX_BURST_SIZE, "a burst fits in one call");

// What a job needs beside the packet until it is done.
struct scratch {
	alignas(16) uint8_t nonce[16];
	alignas(16) uint8_t aad[16];                // with extended sequence numbers
	alignas(16) uint8_t icv[SA_HMAC_STATE_MAX]; // computed, to compare with the packet's
	uint32_t icv_head; // received, while the upper half of the sequence number lies there
};

struct crypto {
	IMB_MGR *aead, *mb;
	aes_gcm_enc_dec_t gcm[2][CRYPTO_KEY_MAX + 1]; // by direction, 1 = encrypt, and key length
	struct crypto_cbc *cbc;
	struct scratch scratch[CRYPTO_BURST];
	// Key stream of AES-256 in counter mode, by way of GCM, under a random key of this worker.
	alignas(SA_LINE) struct gcm_key_data iv_key;
	uint64_t warmed; // control reads, relaxed
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

static void gcm_calls(struct crypto *c)
{
	const IMB_MGR *mgr = c->aead;

	c->gcm[0][16] = mgr->gcm128_dec;
	c->gcm[0][24] = mgr->gcm192_dec;
	c->gcm[0][32] = mgr->gcm256_dec;
	c->gcm[1][16] = mgr->gcm128_enc;
	c->gcm[1][24] = mgr->gcm192_enc;
	c->gcm[1][32] = mgr->gcm256_enc;
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
	c->cbc = c->mb ? crypto_cbc_create() : NULL;
	if (!c->cbc) {
		int err = errno;

		crypto_destroy(c);
		errno = err;
		return NULL;
	}
	gcm_calls(c);
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
	crypto_cbc_destroy(c->cbc);
	secret_wipe(c, sizeof(*c));
	free(c);
}

_Static_assert(CRYPTO_IV_MAX <= CRYPTO_IV_POOL, "a call's IVs are there after a refill");

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

const uint8_t *crypto_ivs(struct crypto *c, unsigned len)
{
	const uint8_t *ivs;

	if (c->iv_used + len > CRYPTO_IV_POOL)
		iv_refill(c);
	ivs = c->iv_pool + c->iv_used;
	c->iv_used += len;
	return ivs;
}

uint64_t crypto_warmed(const struct crypto *c)
{
	return __atomic_load_n(&c->warmed, __ATOMIC_RELAXED);
}

// A few lines for each packet, as its cryptography goes: all of a burst's at once would wait for
// each other.
static __rte_always_inline void keys_ahead(const struct crypto_item *item)
{
	const struct crypto_item *ahead = item + CRYPTO_AHEAD;

	if (ahead->sa != ahead[-1].sa)
		crypto_prefetch_gcm(ahead->sa->keys, ahead->sa->key_len, ahead->text_len);
}

// Of n items the first `here`.
static __rte_always_inline bool run_gcm(struct crypto *c, bool esn, struct crypto_item *items,
                                        unsigned here, unsigned n, bool encrypt)
{
	struct gcm_context_data context;
	aes_gcm_enc_dec_t call = NULL;
	const struct sa *sa = NULL; // of the item before, whose call it is
	bool all = true;

	for (unsigned i = 0; i < here; i++) {
		struct crypto_item *item = &items[i];
		uint8_t *iv = item->esp + SA_ESP_HEADER, *text = iv + 8;
		alignas(16) uint8_t nonce[16], aad[16], icv[16];

		if (i + CRYPTO_AHEAD < n)
			keys_ahead(item);
		if (item->sa != sa) {
			sa = item->sa;
			call = c->gcm[encrypt][sa->key_len];
		}
		crypto_nonce(nonce, sa, iv);
		if (esn)
			crypto_esn_aad(aad, item);
		// Inbound the computed ICV goes apart and is compared with the packet's.
		call(&sa->keys->gcm, &context, text, text, item->text_len, nonce,
		     esn ? aad : item->esp, esn ? CRYPTO_ESN_AAD : SA_ESP_HEADER,
		     encrypt ? text + item->text_len : icv, sa->icv_len);
		item->ok = encrypt || crypto_icv_holds(item, icv);
		all &= item->ok;
	}
	return all;
}

#if CRYPTO_QUIC
// Runs of one key are a call each.
static __rte_always_inline bool run_gcm_keys(struct crypto *c, bool esn, struct crypto_item *items,
                                             unsigned n, bool encrypt)
{
	bool all = true;

	for (unsigned i = 0, k; i < n; i += k) {
		k = crypto_quic_run(items + i, n - i);
		if (!crypto_quic_takes(items[i].sa, k)) {
			all &= run_gcm(c, esn, items + i, k, n - i, encrypt);
			continue;
		}
		for (unsigned j = i; j < i + k && j + CRYPTO_AHEAD < n; j++)
			keys_ahead(&items[j]);
		all &= crypto_quic(c->aead, esn, items + i, k, encrypt);
	}
	return all;
}
#else
static __rte_always_inline bool run_gcm_keys(struct crypto *c, bool esn, struct crypto_item *items,
                                             unsigned n, bool encrypt)
{
	return run_gcm(c, esn, items, n, n, encrypt);
}
#endif

// The first packets of their SAs.
static __rte_noinline bool run_cold(struct crypto *c, bool esn, struct crypto_item *items,
                                    unsigned n, bool encrypt)
{
	for (unsigned i = 0; i < n; i++) {
		if (!sa_is_cold(items[i].sa))
			continue; // not the first one of these
		sa_warm(c->aead, items[i].sa);
		__atomic_store_n(&c->warmed, c->warmed + 1, __ATOMIC_RELAXED);
	}
	return run_gcm_keys(c, esn, items, n, encrypt);
}

static inline void job_chacha(IMB_JOB *job, const struct crypto_item *item, struct scratch *scratch,
                              bool encrypt)
{
	const struct sa *sa = item->sa;
	uint8_t *iv = item->esp + SA_ESP_HEADER, *text = iv + sa->iv_len;

	crypto_nonce(scratch->nonce, sa, iv);
	job->iv = scratch->nonce;
	job->iv_len_in_bytes = 12;
	job->src = item->esp;
	job->dst = text;
	job->cipher_start_src_offset_in_bytes = (uint64_t)(text - item->esp);
	job->msg_len_to_cipher_in_bytes = item->text_len;
	job->hash_start_src_offset_in_bytes = (uint64_t)(text - item->esp);
	job->msg_len_to_hash_in_bytes = item->text_len;
	job->enc_keys = sa->keys;
	job->dec_keys = sa->keys;
	job->key_len_in_bytes = sa->key_len;
	job->u.CHACHA20_POLY1305.aad = item->esp;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = SA_ESP_HEADER;
	job->cipher_mode = sa->cipher_mode;
	job->hash_alg = sa->hash_alg;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->auth_tag_output = encrypt ? text + item->text_len : scratch->icv;
	job->auth_tag_output_len_in_bytes = sa->icv_len;
}

static inline void job_chacha_esn(IMB_JOB *job, const struct crypto_item *item,
                                  struct scratch *scratch)
{
	crypto_esn_aad(scratch->aad, item);
	job->u.CHACHA20_POLY1305.aad = scratch->aad;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = CRYPTO_ESN_AAD;
}

// What a multi-buffer job says of its SA.
static void job_mb_sa(IMB_JOB *job, const struct sa *sa, bool encrypt)
{
	const struct sa_keys *keys = sa->keys;

	crypto_job_remember(job, sa);
	job->cipher_start_src_offset_in_bytes = SA_ESP_HEADER + sa->iv_len;
	job->key_len_in_bytes = sa->key_len;
	job->cipher_mode = sa->cipher_mode;
	job->hash_alg = sa->hash_alg;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->auth_tag_output_len_in_bytes = sa->icv_len;
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
	job->u.HMAC._hashed_auth_key_xor_ipad = keys->ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = keys->opad;
}

static inline void job_mb(IMB_JOB *job, const struct crypto_item *item, struct scratch *scratch,
                          bool encrypt)
{
	const struct sa *sa = item->sa;
	uint32_t front = (uint32_t)SA_ESP_HEADER + sa->iv_len;
	uint8_t *text = item->esp + front;

	if (unlikely(!crypto_job_knows(job, sa)))
		job_mb_sa(job, sa, encrypt);
	job->src = item->esp;
	job->dst = text;
	job->iv = item->esp + SA_ESP_HEADER;
	job->msg_len_to_cipher_in_bytes = item->text_len;
	job->msg_len_to_hash_in_bytes = front + item->text_len;
	job->auth_tag_output = encrypt ? text + item->text_len : scratch->icv;
}

// What becomes of a burst: its jobs complete in the order in which they were submitted.
struct progress {
	struct crypto_item *items;
	struct scratch *scratch;
	unsigned next; // item of the next job that completes
	bool all;      // good so far
};

static __rte_always_inline void jobs_done(struct progress *p, enum sa_engine engine,
                                          IMB_JOB *const *jobs, uint32_t n, bool encrypt)
{
	struct crypto_item *items = p->items + p->next;
	const struct scratch *scratch = p->scratch + p->next;
	bool all = p->all;

	for (uint32_t i = 0; i < n; i++) {
		bool ok;

		if (engine == SA_ENGINE_MB_ESN && !encrypt)
			crypto_icv_restore(&items[i], scratch[i].icv_head);
		ok = jobs[i]->status == IMB_STATUS_COMPLETED &&
		     (encrypt || crypto_icv_holds(&items[i], scratch[i].icv));
		items[i].ok = ok;
		all &= ok;
	}
	p->next += n;
	p->all = all;
}

// All items are for this engine, which takes jobs. True: all of them are good.
static __rte_always_inline bool run_jobs(struct crypto *c, enum sa_engine engine,
                                         struct crypto_item *items, unsigned n, bool encrypt)
{
	IMB_MGR *mgr = engine < SA_ENGINE_MB ? c->aead : c->mb;
	struct progress p = {.items = items, .scratch = c->scratch, .all = true};
	IMB_JOB *jobs[CRYPTO_BURST];
	uint32_t done, left;

	left = IMB_GET_NEXT_BURST(mgr, n, jobs);
	for (uint32_t i = 0; i < left; i++) {
		if (engine < SA_ENGINE_MB)
			job_chacha(jobs[i], &items[i], &c->scratch[i], encrypt);
		else
			job_mb(jobs[i], &items[i], &c->scratch[i], encrypt);
		if (engine == SA_ENGINE_CHACHA_ESN)
			job_chacha_esn(jobs[i], &items[i], &c->scratch[i]);
		else if (engine == SA_ENGINE_MB_ESN)
			c->scratch[i].icv_head = crypto_job_esn(jobs[i], &items[i]);
	}
	done = IMB_SUBMIT_BURST_NOCHECK(mgr, left, jobs);
	for (;;) {
		jobs_done(&p, engine, jobs, done, encrypt);
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

static __rte_always_inline bool run(struct crypto *c, enum sa_engine engine,
                                    struct crypto_item *items, unsigned n, bool encrypt)
{
	switch (engine) {
	case SA_ENGINE_GCM:
		return run_gcm_keys(c, false, items, n, encrypt);
	case SA_ENGINE_GCM_ESN:
		return run_gcm_keys(c, true, items, n, encrypt);
	case SA_ENGINE_COLD:
	case SA_ENGINE_COLD_ESN:
		return run_cold(c, engine & SA_ENGINE_ESN, items, n, encrypt);
	case SA_ENGINE_CHACHA:
		return run_jobs(c, SA_ENGINE_CHACHA, items, n, encrypt);
	case SA_ENGINE_CHACHA_ESN:
		return run_jobs(c, SA_ENGINE_CHACHA_ESN, items, n, encrypt);
	case SA_ENGINE_MB:
		return run_jobs(c, SA_ENGINE_MB, items, n, encrypt);
	case SA_ENGINE_MB_ESN:
		return run_jobs(c, SA_ENGINE_MB_ESN, items, n, encrypt);
	default:
		return crypto_cbc_run(c->cbc, c->mb, engine & SA_ENGINE_ESN, items, n, encrypt);
	}
}

// Several engines in one burst: each gets what is its own, then the results come back. The first
// ones of AES-GCM need not be the burst's first, whose keys the caller has loaded.
static bool run_mixed(struct crypto *c, struct crypto_item *items, unsigned n, unsigned engines,
                      bool encrypt)
{
	struct crypto_item some[CRYPTO_BURST];
	uint8_t from[CRYPTO_BURST];
	unsigned done = 0;
	bool all = true;

	for (unsigned i = 0; i < n; i++)
		items[i].ok = false; // what no engine takes
	for (int engine = 0; engine < SA_ENGINES; engine++) {
		unsigned k = 0;

		if (!(engines & 1u << engine))
			continue;
		for (unsigned i = 0; i < n; i++) {
			if (items[i].sa->engine != engine)
				continue;
			if (k < CRYPTO_AHEAD && engine <= SA_ENGINE_GCM_ESN)
				crypto_prefetch_gcm(items[i].sa->keys, items[i].sa->key_len,
				                    items[i].text_len);
			some[k] = items[i];
			from[k++] = (uint8_t)i;
		}
		if (k == 0)
			continue;
		all &= run(c, (enum sa_engine)engine, some, k, encrypt);
		for (unsigned i = 0; i < k; i++)
			items[from[i]].ok = some[i].ok;
		done += k;
	}
	return all && done == n;
}

static __rte_always_inline bool burst(struct crypto *c, struct crypto_item *items, unsigned n,
                                      unsigned engines, bool encrypt)
{
	if (n == 0)
		return true;
	if (engines & (engines - 1))
		return run_mixed(c, items, n, engines, encrypt);
	return run(c, (enum sa_engine)items[0].sa->engine, items, n, encrypt);
}

bool crypto_encrypt(struct crypto *c, struct crypto_item *items, unsigned n, unsigned engines)
{
	return burst(c, items, n, engines, true);
}

bool crypto_decrypt(struct crypto *c, struct crypto_item *items, unsigned n, unsigned engines)
{
	return burst(c, items, n, engines, false);
}
