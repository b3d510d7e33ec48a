#include "lib/format_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/world.h"
#include "engine/data/format/crosses.h"

#define MUST(condition) \
    if (!(condition)) (fprintf(stderr, "format_kit: %s\n", #condition), abort())

#define T11 "\t\t\t\t\t\t\t\t\t\t\t"
#define T24 T11 T11 "\t\t"
#define CRITEO_TEXT "1\t5\t-3" T11 "\ta\tb" T24 "\n0\t0\t1" T11 "\t\t68fd1e64" T24 "\n\n0\tx\n1\t\t" T11 "\tlong text here\t7" T24 "\r\n"

const struct format_sample format_samples[] = {
    {.format = "criteo", .text = CRITEO_TEXT},
    {.format = "criteo",
     .weight = "I1",
     .group = "C2",
     .time = "I2",
     .text = "1\t0.5\t2026-11-27" T11 "\ta\tb" T24 "\n0\t3\t12" T11 "\tc\td" T24 "\n"},
    {.format = "criteo", .no_labels = true, .text = "5\t-3" T11 "\ta\tb" T24 "\n7\t" T11 "\ta\tb" T24 "\n"},
    {.format = "csv", .text = "label,a,b\n1,x,\n0,\"y, \"\"z\"\"\",w\n1,\n0,\"two\nlines\",q\r\n1,p,q\n"},
    {.format = "csv",
     .options = "{\"header\": false, \"label\": \"1\", \"columns\": \"log\", \"delimiter\": \";\"}",
     .text = "3;1;4\n;0;5.5\n-1; 1 ;1e300\n"},
    {.format = "csv", .weight = "w", .group = "user", .time = "at", .text = "at,user,w,label,a\n2026-11-27,u1,1,1,x\n7,u2,x,0,y\n8,u2,0.5,0,\n"},
    {.format = "csv", .options = "{\"header\": false}", .no_labels = true, .text = "a,b\nc,d\n"},
    {.format = "csv",
     .options = "{\"schema\": {\"tags\": \"multi(|) missing=skip\", \"age\": \"quantile(16)\", \"n\": \"buckets(0;10) missing=-1\", \"x\": "
                "\"normalised missing=skip\", "
                "\"v\": \"log\"}}",
     .text = "label,tags,age,n,x,v\n1,a|b||c,30,5,0.5,7\n0,,,,,\n1,|,1e3,-2,,100\n0,a,x,1,1,1\n1,d,1,1,-1e-3,-5.5\n"},
    {.format = "csv",
     .options = "{\"schema\": \"*:ignore, a:multi(;)\", \"positive\": \"yes\"}",
     .weight = "w",
     .text = "a,w,label,b\nx;y,1,yes,q\n\"x;\"\";z\",2,no,\n"},
    {.format = "tsv", .text = "label\ta\tb\n1\t\"x\t\n0\ty\"z\t\"\"\r\n1\tonly\n"},
    {.format = "tsv", .options = "{\"quotes\": true, \"schema\": \"b:numeric\"}", .text = "label\ta\tb\n1\t\"x\ty\"\t2\n0\t\"two\nlines\"\t\n"},
    {.format = "jsonl",
     .text = "{\"label\": 1, \"a\": \"x\", \"b\": 2.50}\n{\"b\":null,\"label\":false,\"a\":\"\\u00e9\\n\"}\n\n{\"label\": 1, \"c\": 3}\n { \"label\" "
             ": 0 } \r\n"},
    {.format = "jsonl",
     .options = "{\"schema\": {\"tags\": \"multi(,) missing=skip\", \"n\": \"numeric\"}, \"unknown\": \"ignore\"}",
     .weight = "w",
     .group = "user",
     .time = "at",
     .text = "{\"label\": true, \"w\": 0.5, \"user\": \"u1\", \"at\": \"2026-11-27\", \"tags\": [\"a\", \"b\\\"\", 7, \"\"]}\n"
             "{\"label\": 0, \"w\": 3, \"user\": \"u2\", \"at\": 12, \"tags\": \"c,d\", \"n\": -1e-2, \"odd\": 1}\n{\"label\": 1, \"tags\": [], "
             "\"at\": 1, \"w\": []}\n"},
    {.format = "jsonl", .no_labels = true, .text = "{\"a\": \"x\"}\n{\"a\": \"y\", \"label\": 1}\n"},
    {.format = "libsvm", .text = "1 1:1 7:0.5\n-1 qid:3 2:1 # words\n\n0 x:1\n+1 18446744073709551615:-2\n"},
    {.format = "libsvm", .group = "qid", .text = "1 qid:3 1:1\n0 qid:3 1:1\n0 1:1\n1 qid:4 1:1\n"},
    {.format = "libsvm", .no_labels = true, .text = "1:1 2:1\n1 1:1\nqid:7 3:1\n"},
    {.format = "libffm", .text = "1 0:7:1 1:7:0.25\n0 65534:7:2\n"},
    {.format = "vw",
     .weight = "importance",
     .text = "1 |u id7 age:0.5 |ad:2 a3 b:-1\n-1 0.5 'tag|u x\n\n0 2 0 tag|| y :3 :4 z:0\n1|u touches\n+1 | a\r\n"},
    {.format = "vw", .weight = "importance", .group = "tag", .text = "1 2 g1|a b\n0 'g2 |a b c\n1 |a no tag\n"},
    {.format = "vw", .text = "1 |u x:0.5 |ad y\n0 2 |u x\n0 1 |u x\n"},
    {.format = "vw", .no_labels = true, .text = "|a b\n1 |a b\n1 2 tag|a c\n'tag |a d\n"},
    {.format = "criteo", .crosses = "[[\"C1\", \"C2\"], [\"I1\", \"C1\", \"C26\"]]", .text = CRITEO_TEXT},
    {.format = "csv",
     .options = "{\"schema\": \"a:multi(|), b:multi(|) missing=skip, c:numeric\"}",
     .crosses = "[[\"b\", \"a\"], [\"a\", \"c\"], [\"a\", \"b\", \"d\"]]",
     .text = "label,a,b,c,d\n1,x|y,p|q|r,2,d\n0,,,0.5,\n1,z,s,x,d\n0,z,,,e\n"},
    {.format = "vw", .crosses = "[[\"u\", \"a\"]]", .text = "1 |user x:2 y |ad p:-3\n0 |user x\n"},
    {.format = "libffm", .crosses = "[[\"0\", \"1\"]]", .text = "1 0:7:1 1:7:0.25 1:8:1\n0 4:7:2\n"},
    {0},
};

int format_kit_open(struct format_kit *kit, const char *text, size_t size, struct error *err)
{
    struct faults *faults = calloc(1, sizeof *faults);
    size_t used = 0;
    int rc = 0;
    kit->kind = (const struct format *)kind_find((const struct kind *const *)formats, kit->format);
    MUST(kit->kind && faults);
    kit->params = calloc(1, kit->kind->kind.params_size + 1);
    json_t *options = json_read(kit->options ? kit->options : "{}", strlen(kit->options ? kit->options : "{}"), "options", err);
    MUST(options);
    if (kit->kind->kind.options) options_read(&(struct option_set){kit->kind->kind.options, kit->params}, 1, options, "/dataset", NULL, faults);
    rc = faults_error(faults, err);
    json_decref(options);
    free(faults);
    kit->text = calloc(1, size + CHUNK_SLACK);
    memcpy(kit->text, text, size);
    bytes_init(&kit->out.marks, SIZE_MAX), bytes_init(&kit->out.text, SIZE_MAX);
    if (rc == 0 && !(kit->state = crosses_prepare(&kit->kind, kit->params, &kit->context, err))) rc = -(int)err->code;
    if (rc == 0 && kit->kind->header) {
        const char *first = kit->kind->record_end ? kit->kind->record_end(kit->state, kit->text, kit->text + size, 1 << 20, true)
                                                  : memchr(kit->text, '\n', size);
        rc = kit->kind->header(kit->state, kit->text, (size_t)(first - kit->text) + !kit->kind->record_end, &used, err);
    }
    kit->chunk = (struct chunk){kit->text + used, size - used, 1 << 20, memchr(kit->text, 0, size) != NULL};
    return rc == 0 ? kit->kind->parse(kit->state, &kit->chunk, &kit->out, err) : rc;
}

int format_kit_sample(struct format_kit *kit, const struct format_sample *s, struct error *err)
{
    *kit = (struct format_kit){
        .format = s->format,
        .options = s->options,
        .context = {.hash_seed = 5, .weight = s->weight, .group = s->group, .time = s->time, .no_labels = s->no_labels, .crosses = s->crosses}};
    return format_kit_open(kit, s->text, strlen(s->text), err);
}

void format_kit_close(struct format_kit *kit)
{
    if (kit->kind) kit->kind->release(kit->state);
    rows_close(&kit->out.rows);
    bytes_close(&kit->out.marks);
    bytes_close(&kit->out.text);
    free(kit->params);
    free(kit->text);
    *kit = (struct format_kit){0};
}

uint32_t kit_key(const char *field, const char *value) { return (uint32_t)(hash64(value, strlen(value), hash64(field, strlen(field), 5)) >> 32); }
uint32_t kit_key_number(const char *field, uint64_t value) { return (uint32_t)(hash64(&value, sizeof value, hash64(field, strlen(field), 5)) >> 32); }
