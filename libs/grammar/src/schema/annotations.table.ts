/** Words whose values hold schemas that something else may refer to. */
const DEFINITIONS = ['$defs', 'definitions'];

/** Of the specification, and of OpenAPI. */
const SPECIFIED = [
  '$schema', '$id', '$anchor', '$dynamicAnchor', '$recursiveAnchor', '$vocabulary', '$comment',
  'title', 'description', 'default', 'deprecated', 'readOnly', 'writeOnly', 'examples', 'example',
  'contentEncoding', 'contentMediaType', 'contentSchema', 'discriminator', 'externalDocs', 'xml',
];

/** Of editors of JSON and YAML: what they show, suggest and complete. */
const OF_EDITORS = [
  'markdownDescription', 'enumDescriptions', 'markdownEnumDescriptions', 'enumItemLabels', 'enumDeprecated', 'enumSortTexts', 'enumDetails',
  'errorMessage', 'patternErrorMessage', 'deprecationMessage', 'markdownDeprecationMessage', 'defaultSnippets', 'suggestSortText',
  'doNotSuggest', 'completionDetail', 'allowComments', 'allowTrailingCommas',
];

/** Of generators of forms. */
const OF_FORMS = ['enumNames', 'enumTitles', 'propertyOrder', 'propertyOrdering', 'headerTemplate', 'options', 'placeholder', 'ui:order', 'ui:widget', 'ui:options'];

/** Of generators of code and of test data. */
const OF_GENERATORS = [
  'tsType', 'tsEnumNames', 'tsImport', 'javaType', 'javaInterfaces', 'javaEnumNames', 'javaName', 'existingJavaType', 'goJSONSchema',
  'meta:enum', 'meta:license', 'faker', 'chance', 'originalRef', '$$target',
];

/** Of JSON-LD: what the words mean elsewhere. */
const OF_LINKED_DATA = ['@context', '@id', '@type', '@vocab', '@version'];

/** Words whose values are data: a `$id` or an anchor in them is none. */
export const DATA_ANNOTATIONS: readonly string[] = [
  ...SPECIFIED.filter((word) => !word.startsWith('$') && word !== 'contentSchema'),
  ...OF_EDITORS,
  ...OF_FORMS,
  ...OF_GENERATORS,
  ...OF_LINKED_DATA,
];

/** Keywords that say nothing about which values are valid. Everything else that is not enforced, or begins with `x-`, is refused. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([...DEFINITIONS, ...SPECIFIED, ...DATA_ANNOTATIONS]);
