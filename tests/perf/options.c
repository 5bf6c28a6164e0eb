// Reads the command line. One thread.
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define CELL_MS       400u
#define CELL_MS_QUICK 120u
#define SAS_MAX       1000000u
#define FRAME_MIN     64u
#define FRAME_MAX     9000u

static const struct options_suite suites[] = {
	{"AES-128-GCM", "gcm128", {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE}},
	{"AES-256-GCM", "gcm256", {SA_CIPHER_AES_GCM_16, 32, SA_AUTH_NONE}},
	{"AES-128-CBC + HMAC-SHA1", "cbc-sha1", {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA1_96}},
	{"AES-128-CBC + HMAC-SHA256",
         "cbc-sha256",
         {SA_CIPHER_AES_CBC, 16, SA_AUTH_HMAC_SHA256_128}},
	{"ChaCha20-Poly1305", "chacha", {SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE}},
};

#define SUITES (sizeof(suites) / sizeof(suites[0]))

static int usage(FILE *out, int status)
{
	fprintf(out,
	        "usage: bench [--quick] [--suite LIST] [--sizes LIST] [--sas LIST] [--dir out|in]\n"
	        "             [--ms N] [--cpu N] [--json FILE] [--plot DIR]\n"
	        "  --quick       fewer cells and less time for each: under 20 s\n"
	        "  --suite LIST  of gcm128,gcm256,cbc-sha1,cbc-sha256,chacha\n"
	        "  --sizes LIST  frames on the plain side, %u to %u bytes\n"
	        "  --sas LIST    numbers of SA pairs, at most %u\n"
	        "  --dir out|in  one direction\n"
	        "  --ms N        time for each cell (%u)\n"
	        "  --cpu N       measure on this CPU (the last one)\n"
	        "  --json FILE   write the results for programs as well\n"
	        "  --plot DIR    draw cycles over frame size and number of SAs (./run bench "
	        "only)\n",
	        FRAME_MIN, FRAME_MAX, SAS_MAX, CELL_MS);
	return status + 1;
}

// A whole number within bounds; false: it is none.
static bool number(const char *text, unsigned lo, unsigned hi, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < lo || value > hi)
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool numbers(char *list, unsigned lo, unsigned hi, uint32_t *out, unsigned *n)
{
	char *save, *word;

	*n = 0;
	for (word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (*n == OPTIONS_LIST || !number(word, lo, hi, &out[(*n)++]))
			return false;
	return *n;
}

static bool words(struct options *o, char *list)
{
	char *save, *word;
	unsigned i;

	o->n_suites = 0;
	for (word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < SUITES && strcmp(word, suites[i].word) != 0; i++)
			;
		if (i == SUITES || o->n_suites == OPTIONS_LIST)
			return false;
		o->suites[o->n_suites++] = &suites[i];
	}
	return o->n_suites;
}

static bool direction(struct options *o, const char *word)
{
	o->out = strcmp(word, "out") == 0;
	o->in = strcmp(word, "in") == 0;
	return o->out || o->in;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void preset(struct options *o, bool quick)
{
	static const uint32_t frames[] = {64, 256, 512, 1024, 1420, 9000},
			      sas[] = {1, 1000, 10000, 100000};
	static const uint32_t few_frames[] = {64, 1420}, few_sas[] = {1, 1000};

	o->n_frames = quick ? 2 : 6;
	memcpy(o->frames, quick ? few_frames : frames, o->n_frames * sizeof(*frames));
	o->n_sas = quick ? 2 : 4;
	memcpy(o->sas, quick ? few_sas : sas, o->n_sas * sizeof(*sas));
	o->ms = quick ? CELL_MS_QUICK : CELL_MS;
}

static bool one(struct options *o, int option, char *value)
{
	uint32_t cpu = 0;
	bool good;

	switch (option) {
	case 'q':
		preset(o, true);
		return true;
	case 's':
		return words(o, value);
	case 'f':
		return numbers(value, FRAME_MIN, FRAME_MAX, o->frames, &o->n_frames);
	case 'n':
		good = numbers(value, 1, SAS_MAX, o->sas, &o->n_sas);
		qsort(o->sas, o->n_sas, sizeof(*o->sas), ascending);
		return good;
	case 'd':
		return direction(o, value);
	case 't':
		return number(value, 1, 60000, &o->ms);
	case 'c':
		good = number(value, 0, 1023, &cpu);
		o->cpu = (int)cpu;
		return good;
	case 'm':
		o->memory = true;
		return true;
	case 'j':
		o->json = value;
		return true;
	default:
		return false;
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"quick", no_argument, NULL, 'q'},       {"suite", required_argument, NULL, 's'},
		{"sizes", required_argument, NULL, 'f'}, {"sas", required_argument, NULL, 'n'},
		{"dir", required_argument, NULL, 'd'},   {"ms", required_argument, NULL, 't'},
		{"cpu", required_argument, NULL, 'c'},   {"json", required_argument, NULL, 'j'},
		{"memory", no_argument, NULL, 'm'}, // for `run`
		{"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
	int c;

	memset(o, 0, sizeof(*o));
	o->out = o->in = true;
	o->cpu = -1;
	preset(o, false);
	for (unsigned i = 0; i < SUITES; i++)
		o->suites[o->n_suites++] = &suites[i];
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return usage(stdout, 0);
		if (!one(o, c, optarg))
			return usage(stderr, 2);
	}
	return optind < argc ? usage(stderr, 2) : 0;
}
